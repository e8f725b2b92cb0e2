#include "cli/pipeline.h"

#include "cli/lanes.h"

static int analyse_batch(struct analyzer *analyzer, const struct lane_batch *batch)
{
  uint32_t at = 0;
  int status = 0;
  for (uint32_t i = 0; i < batch->sample_count && status == 0; i++) {
    const struct lane_sample *sample = &batch->samples[i];
    status = analyzer_packets(analyzer, batch->packets + at, sample->at - at);
    at = sample->at;
    if (status == 0)
      analyzer_sample(analyzer, &sample->sample);
  }
  return status == 0 ? analyzer_packets(analyzer, batch->packets + at, batch->count - at) : status;
}

static int analyse_all(struct lanes *lanes, struct analyzer *analyzer,
                       const struct pipeline_options *options)
{
  const struct lane_batch *batch;
  int status = 0;

  while (status == 0 && (batch = lanes_next(lanes, 0)) != NULL) {
    status = analyse_batch(analyzer, batch);
    if (status == 0 && options->progress)
      options->progress(options->context, batch->bytes_read, batch->bytes_total);
  }
  return status;
}

int pipeline_run(struct trace *trace, uint8_t end, struct analyzer *analyzer,
                 const struct pipeline_options *options, struct error *error)
{
  static const struct pipeline_options none = {0};
  if (!options)
    options = &none;
  const struct lane_input input = {.trace = trace,
                                   .end = end,
                                   .samples = options->samples,
                                   .last_frame =
                                       options->last_frame != 0 ? options->last_frame : UINT64_MAX};
  struct lanes *lanes;
  if (lanes_start(&lanes, 1, &input, options->single_thread) < 0)
    return error_set(error, ERROR_MEMORY, "not enough memory to start reading");
  int status = analyse_all(lanes, analyzer, options);
  lanes_stop(lanes);
  const struct lane_result *result = lanes_result(lanes, 0);
  if (status != 0) {
    status =
        error_set(error, (enum error_code)status, "not enough memory to go on with the analysis");
  } else if (result->status < 0) {
    status = result->status;
    if (error)
      *error = result->error;
  }
  lanes_free(lanes);
  return status;
}
