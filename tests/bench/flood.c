/* Sends UDP datagrams at a steady rate:  flood ADDRESS PORT BYTES PACKETS-PER-SECOND SECONDS
 *
 * Every millisecond what is due by then. Prints how many the kernel took, and the rate. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH     64
#define BYTES_MAX 1472

static double now(void)
{
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* At most BATCH; returns how many were taken. */
static long send_some(int fd, long count, size_t bytes)
{
  static char content[BYTES_MAX];
  struct iovec part = {content, bytes};
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr.msg_iov = &part;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int taken = sendmmsg(fd, messages, (unsigned)(count < BATCH ? count : BATCH), 0);
  return taken > 0 ? taken : 0;
}

int main(int argc, char **argv)
{
  if (argc != 6) {
    fputs("usage: flood ADDRESS PORT BYTES PACKETS-PER-SECOND SECONDS\n", stderr);
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  size_t bytes = strtoul(argv[3], NULL, 10);
  double rate = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL), begun = now(), passed;
  if (fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || bytes > BYTES_MAX ||
      connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    perror("flood");
    return 2;
  }
  long sent = 0;
  while ((passed = now() - begun) < seconds) {
    long due = (long)(rate * passed);
    if (due > sent)
      sent += send_some(fd, due - sent, bytes);
    else
      (void)usleep(1000);
  }
  printf("%ld %.0f\n", sent, (double)sent / passed);
  return 0;
}
