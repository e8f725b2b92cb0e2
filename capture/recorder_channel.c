#include "capture/recorder_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

bool recorder_channel_open(int channel[2])
{
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0;
}

bool recorder_channel_send(int channel, const struct recorder_message *message, const void *bytes,
                           size_t size, int fd, bool wait)
{
  struct recorder_message copy = *message;
  uint8_t content[RECORDER_CHANNEL_BYTES_MAX]; /* sendmsg() would take no const ones */
  struct iovec parts[2] = {{&copy, sizeof copy}, {content, size}};
  struct msghdr whole = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
  union control control;
  ssize_t sent;
  if (size > sizeof content)
    return false;
  if (size > 0)
    memcpy(content, bytes, size);
  memset(&control, 0, sizeof control);
  if (fd >= 0) {
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    whole.msg_control = &control;
    whole.msg_controllen = CMSG_SPACE(sizeof fd);
  }
  do
    sent = sendmsg(channel, &whole, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

/* Only one was made room for. */
static int received_fd(struct msghdr *whole)
{
  int fd = -1;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(whole); part != NULL; part = CMSG_NXTHDR(whole, part))
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
        part->cmsg_len == CMSG_LEN(sizeof fd))
      memcpy(&fd, CMSG_DATA(part), sizeof fd);
  return fd;
}

enum recorder_channel_result recorder_channel_receive(int channel, struct recorder_message *message,
                                                      void *bytes, size_t *size, int *fd, bool wait)
{
  struct iovec parts[2] = {{message, sizeof *message}, {bytes, *size}};
  struct msghdr whole = {.msg_iov = parts, .msg_iovlen = *size > 0 ? 2 : 1};
  union control control;
  ssize_t received;
  *fd = -1;
  if (wait) {
    whole.msg_control = &control;
    whole.msg_controllen = sizeof control;
  }
  do
    received = recvmsg(channel, &whole, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (received < 0 && errno == EINTR && wait);
  if (received < 0 && (errno == EAGAIN || errno == EINTR))
    return RECORDER_CHANNEL_NONE;
  if (received <= 0)
    return RECORDER_CHANNEL_ENDED;
  *fd = whole.msg_control != NULL ? received_fd(&whole) : -1;
  if (received < (ssize_t)sizeof *message || message->type >= RECORDER_MESSAGE_LENGTH) {
    if (*fd >= 0)
      close(*fd);
    *fd = -1;
    return RECORDER_CHANNEL_NONE;
  }
  *size = (size_t)received - sizeof *message;
  return RECORDER_CHANNEL_MESSAGE;
}
