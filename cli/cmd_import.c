#include "cli/commands.h"
#include "wire/error.h"
#include "wire/pcapng_writer.h"
#include "wire/tcpdump_text.h"
#include "wire/timestamp.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* tcpdump's text becomes a pcapng file. The text is read twice: the first time tells what is in it
 * (all interfaces of a file should have one link type, or tcpdump refuses it; names come before
 * packets), the second time packets are written as they come, so that the size of the text does not
 * matter. */

#define LINKTYPE_ETHERNET 1u
#define LINKTYPE_RAW      101u
#define ETHERNET_BYTES    14u
/* Headers only are written, none longer than this. */
#define FRAME_BYTES_MAX 512u
#define INTERFACES_MAX  (TCPDUMP_TEXT_EXCERPTS_MAX * TCPDUMP_TEXT_INTERFACES_MAX)
#define NOT_WRITTEN     UINT32_MAX

struct import_options {
  const char *input, *output;
  unsigned excerpt; /* 1-based; 0 = all */
};

struct import {
  const struct import_options *options;
  FILE *input;
  struct tcpdump_text *text;
  struct pcapng_writer *writer; /* NULL while only looking */
  bool ethernet;                /* some frame has an Ethernet header: all get one */
  uint64_t written, untimed;
  unsigned excerpts;
  uint64_t not_understood;
  struct tcpdump_text_info total;
  uint32_t interfaces[INTERFACES_MAX]; /* by excerpt and the text's interface: the file's */
};

enum option_key { KEY_WRITE = 'w', KEY_EXCERPT = 'e' };

static const struct argp_option option_table[] = {
    {"write", KEY_WRITE, "FILE", 0, "the pcapng file to write; - is standard output", 0},
    {"excerpt", KEY_EXCERPT, "N", 0,
     "only the N-th excerpt of a text that holds several, as both ends' below each other", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
  struct import_options *options = state->input;
  char *end;
  switch (key) {
  case KEY_WRITE: options->output = value; break;
  case KEY_EXCERPT: {
    unsigned long number = strtoul(value, &end, 10);
    if (*end != '\0' || number < 1 || number > TCPDUMP_TEXT_EXCERPTS_MAX)
      argp_error(state, "--excerpt: '%s' is no number from 1 to %d", value,
                 TCPDUMP_TEXT_EXCERPTS_MAX);
    options->excerpt = (unsigned)number;
    break;
  }
  case ARGP_KEY_ARG:
    if (state->arg_num > 0)
      argp_error(state, "one text at a time: what is '%s'?", value);
    options->input = value;
    break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "which text? - is standard input"); break;
  case ARGP_KEY_END:
    if (options->output == NULL)
      argp_error(state, "where to? Say -w FILE");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static int complain(const char *what, const char *why)
{
  fprintf(stderr, "tcpstall: %s: %s\n", what, why);
  return EXIT_TROUBLE;
}

/* Standard input, which may be a pipe, is copied aside so that it can be read twice. */
static FILE *copy_aside(FILE *from)
{
  FILE *copy = tmpfile();
  char buffer[65536];
  size_t size;
  if (copy == NULL)
    return NULL;
  while ((size = fread(buffer, 1, sizeof buffer, from)) > 0) {
    if (fwrite(buffer, 1, size, copy) != size) {
      fclose(copy);
      return NULL;
    }
  }
  rewind(copy);
  return copy;
}

static int open_input(struct import *import)
{
  const char *path = import->options->input;
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  if (file == NULL)
    return complain(path, strerror(errno));
  if (fseek(file, 0, SEEK_SET) == 0) {
    import->input = file;
    return 0;
  }
  import->input = copy_aside(file);
  int why = errno;
  if (file != stdin)
    fclose(file);
  return import->input != NULL ? 0 : complain(path, strerror(why));
}

static bool is_wanted(const struct import *import, unsigned excerpt)
{
  return import->options->excerpt == 0 || import->options->excerpt == excerpt + 1;
}

/* The file's interface for this excerpt and the interface that the text names; made when it is
 * first needed. */
static int find_interface(struct import *import, unsigned excerpt, uint32_t named, uint32_t *index,
                          struct error *error)
{
  uint32_t *known = &import->interfaces[excerpt * TCPDUMP_TEXT_INTERFACES_MAX + named];
  if (*known == NOT_WRITTEN) {
    struct tcpdump_text_info info;
    char number[32], description[128] = "";
    tcpdump_text_get_info(import->text, excerpt, &info);
    const char *name = tcpdump_text_interface_name(import->text, named);
    snprintf(number, sizeof number, "excerpt %u", excerpt + 1);
    if (name[0] == '\0')
      name = info.interface;
    if (name[0] == '\0' && import->excerpts > 1)
      name = number;
    if (info.captured_on[0] != '\0')
      snprintf(description, sizeof description, "captured on: %s", info.captured_on);
    else if (import->excerpts > 1)
      memcpy(description, number, sizeof number);
    const struct pcapng_interface interface = {.name = name,
                                               .description = description,
                                               .linktype = import->ethernet ? LINKTYPE_ETHERNET
                                                                            : LINKTYPE_RAW};
    int made = pcapng_writer_interface(import->writer, &interface, error);
    if (made < 0)
      return made;
    *known = (uint32_t)made;
  }
  *index = *known;
  return 0;
}

/* An Ethernet header without addresses for a frame that has none. Returns the frame's size. */
static uint32_t wrap(const struct frame *frame, uint8_t out[FRAME_BYTES_MAX])
{
  uint32_t size = frame->captured_bytes;
  if (size + ETHERNET_BYTES > FRAME_BYTES_MAX)
    size = FRAME_BYTES_MAX - ETHERNET_BYTES;
  bool six = size > 0 && frame->bytes[0] >> 4 == 6;
  memset(out, 0, ETHERNET_BYTES);
  out[12] = six ? 0x86 : 0x08;
  out[13] = six ? 0xdd : 0x00;
  memcpy(out + ETHERNET_BYTES, frame->bytes, size);
  return size + ETHERNET_BYTES;
}

static int write_frame(struct import *import, const struct frame *frame, unsigned excerpt,
                       struct error *error)
{
  uint8_t wrapped[FRAME_BYTES_MAX];
  struct pcapng_packet packet = {.time_ns = frame->time_ns,
                                 .bytes = frame->bytes,
                                 .captured_bytes = frame->captured_bytes,
                                 .original_bytes = frame->original_bytes,
                                 .direction = frame->direction};
  if (import->ethernet && frame->linktype == LINKTYPE_RAW) {
    packet.captured_bytes = wrap(frame, wrapped);
    packet.original_bytes += ETHERNET_BYTES;
    packet.bytes = wrapped;
  }
  if (!time_is_valid(packet.time_ns))
    packet.time_ns = 0;
  int rc = find_interface(import, excerpt, frame->interface, &packet.interface, error);
  return rc < 0 ? rc : pcapng_writer_packet(import->writer, &packet, error);
}

/* Takes the packets that are ready. Looking only: notes the link type and whether there are times.
 */
static int drain(struct import *import, struct error *error)
{
  struct frame frame;
  unsigned excerpt;
  while (tcpdump_text_take(import->text, &frame, &excerpt)) {
    if (!is_wanted(import, excerpt))
      continue;
    if (import->writer == NULL) {
      import->ethernet = import->ethernet || frame.linktype == LINKTYPE_ETHERNET;
      import->untimed += time_is_valid(frame.time_ns) ? 0 : 1;
      continue;
    }
    int rc = write_frame(import, &frame, excerpt, error);
    if (rc < 0)
      return rc;
    import->written++;
  }
  return 0;
}

static int read_text(struct import *import, struct error *error)
{
  char *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  int rc = 0;
  rewind(import->input);
  import->text = tcpdump_text_new();
  if (import->text == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  while (rc == 0 && (size = getline(&line, &capacity, import->input)) >= 0) {
    size_t length = (size_t)size;
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
      length--;
    tcpdump_text_line(import->text, line, length);
    rc = drain(import, error);
  }
  free(line);
  if (rc == 0 && ferror(import->input))
    rc = error_set(error, ERROR_IO, "%s: %s", import->options->input, strerror(errno));
  if (rc < 0)
    return rc;
  tcpdump_text_end(import->text);
  return drain(import, error);
}

static void forget_text(struct import *import)
{
  tcpdump_text_free(import->text);
  import->text = NULL;
}

/* What is in the text, and whether there is anything in it. */
static int look(struct import *import)
{
  struct error error;
  uint64_t packets = 0;
  if (read_text(import, &error) < 0) {
    fprintf(stderr, "tcpstall: %s\n", error.text);
    return EXIT_TROUBLE;
  }
  import->excerpts = tcpdump_text_excerpt_count(import->text);
  for (unsigned i = 0; i < import->excerpts || i == 0; i++) {
    tcpdump_text_get_info(import->text, i, &import->total);
    import->not_understood += import->total.lines_not_understood;
    packets += is_wanted(import, i) ? import->total.packets : 0;
  }
  if (packets == 0 && import->options->excerpt > import->excerpts && import->excerpts > 0) {
    fprintf(stderr, "tcpstall: %s: there is no excerpt %u: it holds %u\n", import->options->input,
            import->options->excerpt, import->excerpts);
    return EXIT_TROUBLE;
  }
  if (packets == 0)
    return complain(import->options->input, "no packet as tcpdump prints them is in this text");
  return 0;
}

static int write_names(struct import *import, struct error *error)
{
  uint8_t version;
  struct ip_address address;
  const char *name;
  int rc = 0;
  for (size_t i = 0;
       rc == 0 && (name = tcpdump_text_host(import->text, i, &version, &address)) != NULL; i++)
    rc = pcapng_writer_name(import->writer, &address, version, name, error);
  return rc;
}

static int open_output(const struct import *import)
{
  const char *path = import->options->output;
  struct stat in, out;
  if (strcmp(path, "-") == 0)
    return dup(STDOUT_FILENO);
  if (fstat(fileno(import->input), &in) == 0 && stat(path, &out) == 0 && in.st_dev == out.st_dev &&
      in.st_ino == out.st_ino) {
    errno = EEXIST; /* the text itself */
    return -1;
  }
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static int write_all(struct import *import)
{
  struct error error;
  int fd = open_output(import);
  if (fd < 0)
    return complain(import->options->output, strerror(errno));
  int rc = pcapng_writer_open(&import->writer, fd, "tcpstall " TCPSTALL_VERSION, &error);
  if (rc == 0)
    rc = write_names(import, &error);
  forget_text(import);
  for (size_t i = 0; i < INTERFACES_MAX; i++)
    import->interfaces[i] = NOT_WRITTEN;
  if (rc == 0)
    rc = read_text(import, &error);
  forget_text(import);
  struct error close_error;
  int closed = pcapng_writer_close(import->writer, &close_error);
  if (rc == 0 && closed < 0) {
    rc = closed;
    error = close_error;
  }
  return rc < 0 ? complain(import->options->output, error.text) : 0;
}

static void tell(const struct import *import)
{
  const struct tcpdump_text_info *total = &import->total;
  fprintf(stderr, "tcpstall: %" PRIu64 " packet%s", import->written,
          import->written == 1 ? "" : "s");
  if (import->excerpts > 1 && import->options->excerpt == 0)
    fprintf(stderr, " of %u excerpts", import->excerpts);
  fprintf(stderr, " written to %s\n",
          strcmp(import->options->output, "-") == 0 ? "standard output" : import->options->output);
  if (import->not_understood > 0)
    fprintf(stderr, "tcpstall: %" PRIu64 " lines look like packets, but are none that we know\n",
            import->not_understood);
  if (import->untimed > 0)
    fprintf(stderr, "tcpstall: %" PRIu64 " packets have no time (tcpdump -t): they are at 0\n",
            import->untimed);
  if (total->numbers_unresolved > 0)
    fprintf(stderr,
            "tcpstall: %" PRIu64 " packets' sequence numbers fit nowhere: kept as printed\n",
            total->numbers_unresolved);
  if (total->limits_reached > 0)
    fprintf(stderr, "tcpstall: a limit of the text reader was reached %" PRIu64 " times\n",
            total->limits_reached);
}

const struct argp import_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "TEXT -w FILE",
    .doc = "Makes a pcapng file of what tcpdump printed: today's and the old style, with wrapped "
           "lines, quote marks and prose in between, as it is pasted into mails and reports."
           "\vNames that are printed instead of addresses get addresses from the blocks for "
           "documentation, and are kept in the file. Comment lines \"# captured on: HOST\" and "
           "\"# interface: NAME\" before a text's packets go into the file as well."};

int cmd_import(int argc, char **argv)
{
  struct import_options options = {0};
  if (argp_parse(&import_argp, argc, argv, 0, NULL, &options) != 0)
    return EXIT_TROUBLE;
  struct import *import = calloc(1, sizeof *import);
  if (import == NULL)
    return complain("import", "out of memory");
  import->options = &options;
  int status = open_input(import);
  if (status == 0)
    status = look(import);
  if (status == 0)
    status = write_all(import);
  if (status == 0)
    tell(import);
  forget_text(import);
  if (import->input != NULL && import->input != stdin)
    fclose(import->input);
  free(import);
  return status;
}
