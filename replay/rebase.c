#include "replay/rebase.h"

#include "wire/seq.h"

void rebase_begin(struct rebase_stream *stream, uint32_t isn)
{
  *stream = (struct rebase_stream){.known = true, .isn = isn, .near = REBASE_SYN_POSITION};
}

uint32_t rebase_seq(const struct rebase_stream *stream, int64_t position)
{
  return stream->isn + 1 + (uint32_t)(uint64_t)position;
}

int64_t rebase_position(struct rebase_stream *stream, uint32_t seq)
{
  const int64_t position = stream->near + seq_diff(seq, rebase_seq(stream, stream->near));
  if (position > stream->near)
    stream->near = position;
  return position;
}
