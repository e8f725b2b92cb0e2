#include "cli/live_write.h"

#include "cli/live_names.h"
#include "report/comments.h"
#include "wire/error.h"
#include "wire/packet.h"
#include "wire/pcapng_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1000 /* of one connection number in a folder */

#define COMMENTS_MAX 16
#define REQUEST      0x57524954u /* "WRIT": among the other requests to the keeper */
#define COPY_BYTES   65536

/* What is asked of the keeper. */
struct write_request {
  uint32_t what; /* REQUEST */
  uint64_t connection, frames, commented;
};

struct live_write {
  const struct recorder_end_options *ends;
  uint32_t end_count;
  int memory;        /* a memfd: the file to be */
  atomic_bool *busy; /* shared: it is being copied */
  char said[160];
};

/* One writing. */
struct writing {
  const struct live_write *write;
  struct live_names names[ANALYZER_ENDS_MAX];
  bool seen[ANALYZER_ENDS_MAX]; /* by that end; its names are known */
  uint32_t linktypes[ANALYZER_ENDS_MAX], interfaces[ANALYZER_ENDS_MAX];
  bool has_frames[ANALYZER_ENDS_MAX];
  struct comments *comments;
  struct pcapng_writer *writer;
  uint64_t frames, commented;
  int status;
  struct error error;
};

struct live_write *live_write_new(const struct recorder_end_options *ends, uint32_t end_count)
{
  struct live_write *write = calloc(1, sizeof *write);
  if (write == NULL)
    return NULL;
  write->ends = ends;
  write->end_count = end_count;
  write->memory = memfd_create("connection", MFD_CLOEXEC);
  void *shared =
      mmap(NULL, sizeof *write->busy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  write->busy = shared != MAP_FAILED ? shared : NULL;
  if (write->memory >= 0 && write->busy != NULL)
    return write;
  live_write_free(write);
  return NULL;
}

void live_write_free(struct live_write *write)
{
  if (write == NULL)
    return;
  if (write->memory >= 0)
    close(write->memory);
  if (write->busy != NULL)
    munmap(write->busy, sizeof *write->busy);
  free(write);
}

/* ---- the writing side ---- */

static bool is_between(const struct ip_address *src, uint16_t src_port,
                       const struct ip_address *dst, uint16_t dst_port,
                       const struct live_names *names)
{
  const struct endpoint from = {.address = *src, .port = src_port};
  const struct endpoint to = {.address = *dst, .port = dst_port};
  return (live_endpoint_equals(&from, &names->client) &&
          live_endpoint_equals(&to, &names->server)) ||
         (live_endpoint_equals(&from, &names->server) && live_endpoint_equals(&to, &names->client));
}

static bool is_of_connection(const struct writing *writing, const struct frame *frame)
{
  struct packet packet;
  const struct live_names *names = &writing->names[frame->interface];
  if (!writing->seen[frame->interface])
    return false;
  packet_decode(frame, &packet);
  if (packet.kind == PACKET_TCP)
    return is_between(&packet.src, packet.src_port, &packet.dst, packet.dst_port, names);
  return packet.kind == PACKET_ICMP_ERROR &&
         is_between(&packet.quote.src, packet.quote.src_port, &packet.quote.dst,
                    packet.quote.dst_port, names);
}

static void note_linktype(void *context, const struct frame *frame)
{
  struct writing *writing = context;
  if (frame->interface >= ANALYZER_ENDS_MAX)
    return;
  writing->linktypes[frame->interface] = frame->linktype;
  writing->has_frames[frame->interface] = true;
}

static void put_frame(void *context, const struct frame *frame)
{
  struct writing *writing = context;
  const char *texts[COMMENTS_MAX];
  if (writing->status < 0 || frame->interface >= ANALYZER_ENDS_MAX)
    return;
  const uint8_t end = (uint8_t)frame->interface;
  const size_t comments = comments_at(writing->comments, end, frame->number, texts, COMMENTS_MAX);
  if (comments == 0 && !is_of_connection(writing, frame))
    return;
  const struct pcapng_packet packet = {.interface = writing->interfaces[end],
                                       .time_ns = frame->time_ns,
                                       .bytes = frame->bytes,
                                       .captured_bytes = frame->captured_bytes,
                                       .original_bytes = frame->original_bytes,
                                       .direction = frame->direction,
                                       .comments = texts,
                                       .comment_count = comments};
  writing->status = pcapng_writer_packet(writing->writer, &packet, &writing->error);
  writing->frames++;
  writing->commented += comments > 0;
}

static int gather_comments(struct writing *writing, const struct model_connection *connection)
{
  int rc = 0;
  writing->comments = comments_new();
  if (writing->comments == NULL)
    return ERROR_MEMORY;
  const struct report_writer writer = comments_writer(writing->comments);
  for (uint32_t i = 0; i < connection->finding_count && rc == 0; i++)
    rc = writer.finding(writer.context, i + 1, NULL, connection->findings[i]);
  if (rc == 0)
    rc = writer.end(writer.context, NULL);
  return rc;
}

/* An interface for each end from which something is kept. */
static int begin_file(struct writing *writing)
{
  const struct live_write *write = writing->write;
  const int fd = fcntl(write->memory, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (fd < 0 || ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
    return error_set(&writing->error, ERROR_IO, "%s", strerror(errno));
  int rc = pcapng_writer_open(&writing->writer, fd, "tcpstall " TCPSTALL_VERSION, &writing->error);
  for (uint32_t end = 0; end < write->end_count && rc >= 0; end++) {
    const char letter[] = {(char)('A' + end), '\0'};
    const struct pcapng_interface interface = {
        .name = write->ends[end].interface,
        .description = letter,
        .linktype = writing->has_frames[end] ? writing->linktypes[end] : writing->linktypes[0]};
    rc = pcapng_writer_interface(writing->writer, &interface, &writing->error);
    writing->interfaces[end] = rc >= 0 ? (uint32_t)rc : 0;
  }
  return rc < 0 ? rc : 0;
}

static int write_frames(struct writing *writing, struct recorder *recorder)
{
  recorder_each_kept(recorder, note_linktype, writing);
  writing->status = begin_file(writing);
  if (writing->status == 0)
    recorder_each_kept(recorder, put_frame, writing);
  struct error error;
  const int closed = pcapng_writer_close(writing->writer, &error);
  if (writing->status == 0 && closed < 0) {
    writing->error = error;
    writing->status = closed;
  }
  return writing->status;
}

static bool ask(struct recorder *recorder, const struct writing *writing, uint64_t connection)
{
  struct write_request request;
  memset(&request, 0, sizeof request); /* its gaps too: it leaves the process */
  request.what = REQUEST;
  request.connection = connection;
  request.frames = writing->frames;
  request.commented = writing->commented;
  return recorder_ask(recorder, &request, sizeof request);
}

const char *live_write_connection(struct live_write *write, struct recorder *recorder,
                                  const struct live_model *live,
                                  const struct model_connection *connection)
{
  struct writing writing = {.write = write, .error = {.text = "out of memory"}};
  if (recorder_is_writing(recorder))
    return "everything is being recorded, and nothing kept: analyze -w takes it out of that file";
  if (atomic_exchange(write->busy, true))
    return "the one before is still being written";
  for (uint32_t end = 0; end < write->end_count; end++)
    writing.seen[end] = live_model_names(live, connection, end, &writing.names[end]);
  int rc = gather_comments(&writing, connection);
  if (rc == 0)
    rc = write_frames(&writing, recorder);
  comments_free(writing.comments);
  const bool asked = rc == 0 && writing.frames > 0 && ask(recorder, &writing, connection->id);
  if (!asked)
    atomic_store(write->busy, false);
  if (rc < 0)
    snprintf(write->said, sizeof write->said, "not written: %.120s", writing.error.text);
  else if (writing.frames == 0)
    return "nothing of it is kept any more";
  else
    snprintf(write->said, sizeof write->said, asked ? "writing %" PRIu64 " packets" : "not written",
             writing.frames);
  return write->said;
}

/* ---- the keeping side ---- */

static int copy(int from, int to)
{
  uint8_t buffer[COPY_BYTES];
  off_t at = 0;
  for (;;) {
    const ssize_t got = pread(from, buffer, sizeof buffer, at);
    if (got <= 0)
      return got < 0 ? -1 : 0;
    for (ssize_t done = 0; done < got;) {
      const ssize_t written = write(to, buffer + done, (size_t)(got - done));
      if (written < 0 && errno != EINTR)
        return -1;
      done += written > 0 ? written : 0;
    }
    at += got;
  }
}

/* A new file: what an earlier watch has written under the same number stays. */
static int open_new(uint64_t connection, char *path, size_t path_size)
{
  int fd = -1;
  for (int i = 1; fd < 0 && i <= FILES_MAX; i++) {
    char again[16] = "";
    if (i > 1)
      snprintf(again, sizeof again, "-%d", i);
    snprintf(path, path_size, "tcpstall-connection-%" PRIu64 "%s.pcapng", connection, again);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 && errno != EEXIST)
      break;
  }
  return fd;
}

static void save(const struct live_write *write, const struct write_request *request, char *said,
                 size_t said_size)
{
  char path[80];
  const int fd = open_new(request->connection, path, sizeof path);
  const bool copied = fd >= 0 && copy(write->memory, fd) == 0;
  const int why = errno;
  if ((fd >= 0 && close(fd) != 0) || !copied)
    snprintf(said, said_size, "%s: %s", path, strerror(why));
  else
    snprintf(said, said_size,
             "%" PRIu64 " packets written to %s, %" PRIu64 " of them with comments",
             request->frames, path, request->commented);
}

bool live_write_request(struct live_write *write, const void *bytes, size_t size, char *said,
                        size_t said_size)
{
  struct write_request request;
  if (size != sizeof request)
    return false;
  memcpy(&request, bytes, sizeof request);
  if (request.what != REQUEST)
    return false;
  save(write, &request, said, said_size);
  atomic_store(write->busy, false);
  return true;
}
