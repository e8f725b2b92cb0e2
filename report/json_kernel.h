#ifndef REPORT_JSON_KERNEL_H
#define REPORT_JSON_KERNEL_H

/* What the kernels said, as JSON. */

#include "report/report.h"

#include <jansson.h>

/* "kernel" of a finding; nothing is set if there is no such evidence. */
void json_set_kernel(json_t *object, const struct finding *finding);

/* "samples" of a capture; nothing is set if it has none and has not announced any. */
void json_set_samples(json_t *object, const struct report_capture *capture);

#endif
