#include "report/json_kernel.h"

#include "report/json_objects.h"

/* The kernel's numbers: enum tcp_states of linux/tcp_states.h, idiag_timer of linux/inet_diag.h. */
static const char *state_name(uint8_t state)
{
  static const char *const names[] = {"unknown",    "established", "syn-sent",  "syn-recv",
                                      "fin-wait-1", "fin-wait-2",  "time-wait", "close",
                                      "close-wait", "last-ack",    "listen",    "closing"};
  return state < sizeof names / sizeof *names ? names[state] : names[0];
}

static const char *timer_name(uint8_t timer)
{
  static const char *const names[] = {"none", "retransmission", "keep-alive", "time-wait",
                                      "persist"};
  return timer < sizeof names / sizeof *names ? names[timer] : "unknown";
}

static void set_known(json_t *object, const char *key, int64_t value)
{
  json_object_set_new(object, key, value >= 0 ? json_integer(value) : json_null());
}

static json_t *kernel_object(const struct kernel_evidence *kernel)
{
  json_t *object = json_object();
  json_object_set_new(object, "end", json_end(kernel->end));
  json_set_text(object, "socket", stream_side_name(kernel->socket));
  json_set_text(object, "role", kernel->of_sender ? "sender" : "receiver");
  json_set_time(object, "from_s", "from_ns", kernel->from_ns);
  json_set_time(object, "until_s", "until_ns", kernel->until_ns);
  json_set_count(object, "sample", kernel->sample);
  json_set_count(object, "samples", kernel->samples);
  json_set_text(object, "state", state_name(kernel->tcpi_state));
  json_set_text(object, "timer", timer_name(kernel->timer));
  json_set_count(object, "tcpi_backoff", kernel->tcpi_backoff);
  json_set_count(object, "tcpi_unacked_pkts", kernel->tcpi_unacked_pkts);
  json_set_count(object, "tcpi_notsent_bytes", kernel->tcpi_notsent_bytes);
  json_set_count(object, "tcpi_snd_wnd_bytes", kernel->tcpi_snd_wnd_bytes);
  json_set_count(object, "tcpi_snd_cwnd_pkts", kernel->tcpi_snd_cwnd_pkts);
  json_set_count(object, "tcpi_total_retrans_pkts", kernel->tcpi_total_retrans_pkts);
  json_set_count(object, "wqueue_bytes", kernel->wqueue_bytes);
  json_set_count(object, "rqueue_bytes", kernel->rqueue_bytes);
  json_set_count(object, "wmem_alloc_bytes", kernel->wmem_alloc_bytes);
  json_set_count(object, "sndbuf_bytes", kernel->sndbuf_bytes);
  json_set_count(object, "rmem_alloc_bytes", kernel->rmem_alloc_bytes);
  json_set_count(object, "rcvbuf_bytes", kernel->rcvbuf_bytes);
  set_known(object, "est_held_bytes", kernel->est_held_bytes);
  set_known(object, "qdisc_backlog_bytes", kernel->qdisc_backlog_bytes);
  set_known(object, "qdisc_backlog_pkts", kernel->qdisc_backlog_pkts);
  return object;
}

void json_set_kernel(json_t *object, const struct finding *finding)
{
  if (finding->kernel_count == 0)
    return;
  json_t *array = json_array();
  for (uint32_t i = 0; i < finding->kernel_count; i++)
    json_array_append_new(array, kernel_object(&finding->kernel[i]));
  json_object_set_new(object, "kernel", array);
}

void json_set_samples(json_t *object, const struct report_capture *capture)
{
  const struct report_samples *samples = &capture->samples;
  if (!samples->announced && samples->count == 0)
    return;
  json_t *own = json_object();
  json_set_count(own, "count", samples->count);
  json_set_count(own, "damaged", samples->damaged);
  json_set_count(own, "missing", samples->missing);
  json_object_set_new(own, "complete", json_boolean(!samples->cut_off));
  json_object_set_new(object, "samples", own);
}
