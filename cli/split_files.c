#include "cli/split_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool split_files_path(const struct split_files *files, uint32_t part, char path[SPLIT_PATH_BYTES])
{
  const int digits = files->parts > 9 ? 2 : 1;
  const int size =
      snprintf(path, SPLIT_PATH_BYTES, "%s-%0*" PRIu32 ".pcapng", files->prefix, digits, part + 1);
  return size > 0 && size < SPLIT_PATH_BYTES;
}

static int check_part(const struct split_files *files, uint32_t part, dev_t not_this_device,
                      ino_t not_this_inode, struct error *error)
{
  char path[SPLIT_PATH_BYTES];
  struct stat there;
  if (!split_files_path(files, part, path))
    return error_set(error, ERROR_USAGE, "%.200s: this name is too long", files->prefix);
  if (stat(path, &there) == 0 && there.st_dev == not_this_device && there.st_ino == not_this_inode)
    return error_set(error, ERROR_USAGE, "%.300s: that is the trace itself; choose another -o",
                     path);
  return 0;
}

static int open_part(struct split_files *files, uint32_t part, bool bare, struct error *error)
{
  char path[SPLIT_PATH_BYTES];
  if (!split_files_path(files, part, path))
    return error_set(error, ERROR_USAGE, "%.200s: this name is too long", files->prefix);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0)
    return error_set(error, ERROR_IO, "%.300s: %s", path, strerror(errno));
  struct pcapng_writer **writer = &files->writers[part];
  return bare ? pcapng_writer_open_bare(writer, fd, error)
              : pcapng_writer_open(writer, fd, "tcpstall " TCPSTALL_VERSION, error);
}

int split_files_open(struct split_files *files, bool bare, dev_t not_this_device,
                     ino_t not_this_inode, struct error *error)
{
  int rc = 0;
  /* all of them before one is emptied: they may be parts of an earlier splitting */
  for (uint32_t p = 0; rc == 0 && p < files->parts; p++)
    rc = check_part(files, p, not_this_device, not_this_inode, error);
  for (uint32_t p = 0; rc == 0 && p < files->parts; p++) {
    rc = open_part(files, p, bare, error);
    if (files->writers[p] != NULL)
      files->opened = p + 1;
  }
  return rc;
}

/* The length of a section is another one in a part, and people want to know what the file is. */
static int write_section(struct split_files *files, uint32_t part, struct error *error)
{
  char text[512];
  struct pcapng_edit copy = {0};
  snprintf(text, sizeof text,
           "tcpstall split: part %" PRIu32 " of %" PRIu32
           " of %.300s; tcpstall numbers its frames as in the whole",
           part + 1, files->parts, files->input);
  int rc =
      pcapng_edit_take(&copy, files->edit.bytes, files->edit.size, files->edit.big_endian, error);
  if (rc == 0)
    rc = pcapng_edit_comment(&copy, text, error);
  if (rc == ERROR_UNSUPPORTED)
    rc = 0; /* it goes without saying */
  pcapng_edit_forget_length(&copy);
  if (rc == 0)
    rc = pcapng_writer_block(files->writers[part], copy.bytes, copy.size, error);
  pcapng_edit_free(&copy);
  return rc;
}

int split_files_block(struct split_files *files, const uint8_t *bytes, size_t size, bool big_endian,
                      struct error *error)
{
  static const uint8_t section_header[4] = {0x0a, 0x0d, 0x0d, 0x0a};
  const bool is_section = size >= 4 && memcmp(bytes, section_header, 4) == 0;
  int rc = pcapng_edit_take(&files->edit, bytes, size, big_endian, error);
  for (uint32_t p = 0; rc == 0 && p < files->parts; p++)
    rc = is_section ? write_section(files, p, error)
                    : pcapng_writer_block(files->writers[p], bytes, size, error);
  return rc;
}

static int make_block(struct split_files *files, const struct split_frame *frame,
                      struct error *error)
{
  if (frame->block == NULL)
    return pcapng_edit_packet(&files->edit, &frame->record, frame->big_endian, error);
  return pcapng_edit_take(&files->edit, frame->block, frame->block_bytes, frame->big_endian, error);
}

int split_files_frame(struct split_files *files, uint32_t part, const struct split_frame *frame,
                      struct error *error)
{
  uint8_t mark[PART_MARK_BYTES];
  int rc = make_block(files, frame, error);
  part_mark_write(&frame->mark, frame->big_endian, mark);
  if (rc == 0)
    rc = pcapng_edit_option(&files->edit, PCAPNG_OPTION_CUSTOM_BINARY, mark, sizeof mark, error);
  if (rc < 0)
    return rc;
  if ((frame->mark.flags & PART_MARK_CONTEXT) != 0)
    files->context[part]++;
  else
    files->own[part]++;
  return pcapng_writer_block(files->writers[part], files->edit.bytes, files->edit.size, error);
}

int split_files_close(struct split_files *files, struct error *error)
{
  int rc = 0;
  for (uint32_t p = 0; p < files->opened; p++) {
    struct error why;
    const int closed = pcapng_writer_close(files->writers[p], &why);
    files->writers[p] = NULL;
    if (closed < 0 && rc == 0) {
      char path[SPLIT_PATH_BYTES];
      split_files_path(files, p, path);
      rc = error_set(error, closed, "%.300s: %.300s", path, why.text);
    }
  }
  pcapng_edit_free(&files->edit);
  return rc;
}
