#include "capture/inflater.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

/* Frames of up to this window (2^31 at most by the format) are decoded; more would take the memory
 * of a small machine. `zstd --long` without an argument makes 2^27. */
#define ZSTD_WINDOW_LOG_MAX 27

#define GZIP_WINDOW_BITS (16 + MAX_WBITS) /* 16: expect gzip's header and trailer */

enum inflater_state {
  INFLATER_BOUNDARY, /* between members */
  INFLATER_INSIDE,
  INFLATER_TRAILING /* behind the last gzip member: anything else is passed over, as gzip does */
};

struct inflater {
  bool is_gzip;
  enum inflater_state state;
  unsigned header_bytes_seen; /* of the member that would begin here */
  z_stream gzip;
#ifdef HAVE_ZSTD
  ZSTD_DStream *zstd;
#endif
};

const char *inflater_probe(const uint8_t bytes[4])
{
  static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  static const uint8_t skippable_tail[3] = {0x2a, 0x4d,
                                            0x18}; /* 0x184D2A50 .. 5F, as pzstd writes */
  if (bytes[0] == 0x1f && bytes[1] == 0x8b)
    return "gzip";
  if (memcmp(bytes, zstd_magic, sizeof zstd_magic) == 0)
    return "zstd";
  if ((bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, skippable_tail, sizeof skippable_tail) == 0)
    return "zstd";
  return NULL;
}

static int open_gzip(struct inflater *inflater, struct error *error)
{
  inflater->is_gzip = true;
  if (inflateInit2(&inflater->gzip, GZIP_WINDOW_BITS) != Z_OK)
    return error_set(error, ERROR_MEMORY, "no memory to decompress gzip");
  return 0;
}

#ifdef HAVE_ZSTD
static int open_zstd(struct inflater *inflater, struct error *error)
{
  inflater->zstd = ZSTD_createDStream();
  if (inflater->zstd == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to decompress zstd");
  ZSTD_DCtx_setParameter(inflater->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
  return 0;
}
#else
static int open_zstd(struct inflater *inflater, struct error *error)
{
  (void)inflater;
  return error_set(error, ERROR_UNSUPPORTED,
                   "compressed with zstd, and this tcpstall was built without libzstd: "
                   "decompress it first (zstd -d)");
}
#endif

int inflater_open(struct inflater **inflater_out, const char *compression, struct error *error)
{
  *inflater_out = NULL;
  struct inflater *inflater = calloc(1, sizeof *inflater);
  if (inflater == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to decompress");
  int rc =
      strcmp(compression, "gzip") == 0 ? open_gzip(inflater, error) : open_zstd(inflater, error);
  if (rc < 0) {
    free(inflater);
    return rc;
  }
  *inflater_out = inflater;
  return 0;
}

void inflater_close(struct inflater *inflater)
{
  if (inflater == NULL)
    return;
  if (inflater->is_gzip)
    inflateEnd(&inflater->gzip);
#ifdef HAVE_ZSTD
  else
    ZSTD_freeDStream(inflater->zstd);
#endif
  free(inflater);
}

/* Behind a member: a further one begins with 1f 8b, anything else ends the stream. Looks at one
 * byte at a time, so that it does not matter where the reads fall; zlib wants to see both bytes
 * itself, and gets them. */
static int begin_member(struct inflater *inflater, const uint8_t **in, size_t *in_bytes)
{
  uint8_t first_byte[1] = {0x1f};
  if (inflater->header_bytes_seen == 0 && **in == 0x1f) {
    inflater->header_bytes_seen = 1;
    ++*in;
    --*in_bytes;
  }
  if (*in_bytes == 0)
    return 0;
  if (inflater->header_bytes_seen == 0 || **in != 0x8b) {
    inflater->state = INFLATER_TRAILING;
    return 0;
  }
  inflater->header_bytes_seen = 0;
  inflater->state = INFLATER_INSIDE;
  if (inflateReset(&inflater->gzip) != Z_OK)
    return ERROR_FORMAT;
  uint8_t nothing[1];
  inflater->gzip.next_in = first_byte;
  inflater->gzip.avail_in = 1;
  inflater->gzip.next_out = nothing;
  inflater->gzip.avail_out = sizeof nothing;
  const int status = inflate(&inflater->gzip, Z_NO_FLUSH);
  inflater->gzip.next_in = NULL; /* first_byte ends here */
  return status == Z_OK ? 0 : ERROR_FORMAT;
}

static unsigned at_most_unsigned(size_t size)
{
  return size > 1U << 30 ? 1U << 30 : (unsigned)size;
}

static int run_gzip(struct inflater *inflater, const uint8_t **in, size_t *in_bytes, uint8_t **out,
                    size_t *out_bytes, struct error *error)
{
  if (inflater->state == INFLATER_BOUNDARY && *in_bytes > 0 &&
      begin_member(inflater, in, in_bytes) < 0)
    return error_set(error, ERROR_FORMAT, "damaged gzip header");
  if (inflater->state == INFLATER_TRAILING) {
    *in += *in_bytes;
    *in_bytes = 0;
  }
  if (inflater->state != INFLATER_INSIDE || *in_bytes == 0)
    return 0;
  z_stream *gzip = &inflater->gzip;
  gzip->next_in = *in;
  gzip->avail_in = at_most_unsigned(*in_bytes);
  gzip->next_out = *out;
  gzip->avail_out = at_most_unsigned(*out_bytes);
  int rc = inflate(gzip, Z_NO_FLUSH);
  *in_bytes -= (size_t)(gzip->next_in - *in);
  *in = gzip->next_in;
  *out_bytes -= (size_t)(gzip->next_out - *out);
  *out = gzip->next_out;
  if (rc == Z_STREAM_END)
    inflater->state = INFLATER_BOUNDARY;
  else if (rc != Z_OK && rc != Z_BUF_ERROR)
    return error_set(error, ERROR_FORMAT, "damaged gzip data (%s)",
                     gzip->msg == NULL ? "inflate failed" : gzip->msg);
  return 0;
}

#ifdef HAVE_ZSTD
static int run_zstd(struct inflater *inflater, const uint8_t **in, size_t *in_bytes, uint8_t **out,
                    size_t *out_bytes, struct error *error)
{
  if (*in_bytes == 0 && inflater->state == INFLATER_BOUNDARY)
    return 0;
  ZSTD_inBuffer input = {*in, *in_bytes, 0};
  ZSTD_outBuffer output = {*out, *out_bytes, 0};
  size_t rc = ZSTD_decompressStream(inflater->zstd, &output, &input);
  *in += input.pos;
  *in_bytes -= input.pos;
  *out += output.pos;
  *out_bytes -= output.pos;
  if (ZSTD_isError(rc))
    return error_set(error, ERROR_FORMAT, "damaged zstd data (%s)", ZSTD_getErrorName(rc));
  inflater->state = rc == 0 ? INFLATER_BOUNDARY : INFLATER_INSIDE;
  return 0;
}
#else
static int run_zstd(struct inflater *inflater, const uint8_t **in, size_t *in_bytes, uint8_t **out,
                    size_t *out_bytes, struct error *error)
{
  (void)inflater, (void)in, (void)in_bytes, (void)out, (void)out_bytes;
  return error_set(error, ERROR_UNSUPPORTED, "built without libzstd");
}
#endif

int inflater_run(struct inflater *inflater, const uint8_t **in, size_t *in_bytes, uint8_t **out,
                 size_t *out_bytes, struct error *error)
{
  if (inflater->is_gzip)
    return run_gzip(inflater, in, in_bytes, out, out_bytes, error);
  return run_zstd(inflater, in, in_bytes, out, out_bytes, error);
}

bool inflater_at_boundary(const struct inflater *inflater)
{
  return inflater->state != INFLATER_INSIDE;
}
