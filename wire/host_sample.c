#include "wire/host_sample.h"

#define INTERVAL_MAX_NS INT64_C(86400000000000) /* a day */

static int64_t read_interval_ns(const struct sample_record *record)
{
  const char *text;
  size_t size;
  int64_t interval_ns = 0;
  if (!sample_text_value(record, "interval_ns", &text, &size))
    return 0;
  for (size_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++) {
    interval_ns = interval_ns * 10 + (text[i] - '0');
    if (interval_ns > INTERVAL_MAX_NS)
      return INTERVAL_MAX_NS;
  }
  return interval_ns;
}

static bool read_content(struct host_sample *sample, const struct sample_record *record,
                         bool big_endian)
{
  switch (record->type) {
  case SAMPLE_HEADER:
    sample->kind = HOST_SAMPLE_HEADER;
    sample->of.interval_ns = read_interval_ns(record);
    return true;
  case SAMPLE_SOCKET:
    sample->kind = HOST_SAMPLE_SOCKET;
    return sample_read_socket(&sample->of.socket, record, big_endian);
  case SAMPLE_QDISC:
    sample->kind = HOST_SAMPLE_QDISC;
    return sample_read_qdisc(&sample->of.qdisc, record, big_endian);
  case SAMPLE_LINK_STATISTICS:
    sample->kind = HOST_SAMPLE_LINK;
    return sample_read_link_statistics(&sample->of.link, record, big_endian);
  case SAMPLE_NEIGHBOUR:
    sample->kind = HOST_SAMPLE_NEIGHBOUR;
    return sample_read_neighbour(&sample->of.neighbour, record, big_endian);
  case SAMPLE_NETSTAT:
    sample->kind = HOST_SAMPLE_NETSTAT;
    return sample_read_netstat(&sample->of.netstat, record);
  default: return false;
  }
}

bool host_sample_is_late(const struct sample_record *record, uint32_t *before_ns)
{
  const uint32_t asked_ns = *before_ns;
  *before_ns = record->delay_ns;
  return record->delay_ns > asked_ns && record->delay_ns - asked_ns > HOST_SAMPLE_ANSWER_MAX_NS;
}

bool host_sample_read(struct host_sample *sample, const struct sample_record *record,
                      bool big_endian, int64_t begun_ns)
{
  sample->time_ns = begun_ns <= INT64_MAX - UINT32_MAX ? begun_ns + record->delay_ns : begun_ns;
  return read_content(sample, record, big_endian);
}
