#include "cli/replay_report.h"

#include "report/clean.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Of numbers in JSON, as the analysis has them. */
#define DIGITS 16

static const char *side_name(enum recording_side side)
{
  return side == RECORDING_CLIENT ? "client" : "server";
}

static bool has_duration(const struct recorded_finding *finding)
{
  return strcmp(finding->kind, "mismatch") != 0 && strcmp(finding->kind, "abort") != 0;
}

/* ---- text ---- */

static void write_finding(const struct recorded_finding *finding, FILE *stream)
{
  fprintf(stream, "%s, %s", finding->location, finding->cause);
  if (has_duration(finding))
    /* Cut, not rounded, as the analysis tells it. */
    fprintf(stream, ", %.3f s", time_to_s(finding->waited_ns - finding->waited_ns % NS_PER_MS));
  if (strcmp(finding->ended_by, "unknown") != 0)
    fprintf(stream, ", ended by %s", finding->ended_by);
}

static void write_run(const char *name, const struct replay_result *result, FILE *stream)
{
  const struct replay_verdict *verdict = &result->verdict;
  fprintf(stream, "  %-10s ", name);
  if (verdict->found)
    write_finding(&verdict->live, stream);
  else
    fputs("no wait worth telling", stream);
  if (verdict->difference[0] != '\0')
    fprintf(stream, " (%s)", verdict->difference);
  fputc('\n', stream);
}

static void write_notes(const struct replay_report *report, FILE *stream)
{
  const struct replay_outcome *outcome = &report->runs[0].outcome;
  for (uint32_t i = 0; report->recording != NULL && i < report->recording->assumption_count; i++)
    fprintf(stream, "  assumed: %s\n", report->recording->assumptions[i]);
  for (uint32_t i = 0; report->plan != NULL && i < report->plan->assumption_count; i++)
    fprintf(stream, "  assumed: %s\n", report->plan->assumptions[i]);
  for (uint32_t i = 0; report->run_count > 0 && i < outcome->note_count; i++)
    fprintf(stream, "  note: %s\n", outcome->notes[i]);
}

static void write_conditions(const struct replay_report *report, FILE *stream)
{
  const struct plan *plan = report->plan;
  for (uint32_t i = 0; plan != NULL && i < plan->condition_count; i++) {
    const struct plan_condition *condition = &plan->conditions[i];
    if (!condition->suspected && !report->options->verbose)
      continue;
    fprintf(stream, "  %s %s%s%s\n",
            condition->suspected ? "suspected:" : "also:     ", condition->text,
            condition->why[0] != '\0' ? " - " : "", condition->why);
  }
}

static void write_timing(const struct replay_outcome *outcome, FILE *stream)
{
  if (outcome->lateness.count > 0)
    fprintf(stream,
            "  timing: %" PRIu64 " frames had a time; late by %.3f ms (half of them), "
            "%.3f ms (99 %%), %.3f ms (the latest)\n",
            outcome->lateness.count, (double)outcome->lateness.p50_ns / 1e6,
            (double)outcome->lateness.p99_ns / 1e6, (double)outcome->lateness.max_ns / 1e6);
  if (outcome->ring_drops + outcome->write_failures > 0)
    fprintf(stream,
            "  LOST: %" PRIu64 " frames in the TAP's ring, %" PRIu64
            " that the device did not take: this run may differ for that\n",
            outcome->ring_drops, outcome->write_failures);
}

/* What a stall that goes with its suspected condition means. */
static void write_control(const struct replay_report *report, FILE *stream)
{
  const struct recorded_finding *target = report->target;
  if (report->control.outcome.control_same) {
    fputs("CONTROL: not made: nothing in the scenario stands for the suspected cause\n", stream);
    return;
  }
  if (report->control.verdict.reproduced) {
    fputs("CONTROL: the stall is there without the suspected condition, too: that is not what "
          "causes it, or not alone\n",
          stream);
    return;
  }
  fputs("CONTROL: without the suspected condition the stall is gone", stream);
  if (report->reproduced == 0) {
    fputs(", but it was not there with it either: this proves nothing\n", stream);
    return;
  }
  fputs(": it is the cause\n", stream);
  if (strcmp(target->cause, "tx-queue-hold") == 0 && report->plan != NULL)
    fputs("         Today's TCP got the same ACKs in both runs, and stood still only where its "
          "segments were\n"
          "         held below it, in the transmit queue: this refutes that \"the ACK was "
          "ignored\".\n",
          stream);
}

static void write_verdict(const struct replay_report *report, FILE *stream)
{
  const bool whole = report->reproduced == report->run_count;
  fprintf(stream, "%s (%" PRIu32 " of %" PRIu32 " runs)",
          report->reproduced > 0 ? "REPRODUCED" : "NOT REPRODUCED", report->reproduced,
          report->run_count);
  for (uint32_t i = 0; i < report->run_count && !whole; i++)
    if (!report->runs[i].verdict.reproduced) {
      fprintf(stream, ": %s%s", report->reproduced > 0 ? "elsewhere " : "",
              report->runs[i].verdict.difference);
      break;
    }
  fputc('\n', stream);
}

static void write_smallest(const struct replay_report *report, FILE *stream)
{
  if (report->smallest == NULL)
    return;
  fprintf(stream,
          "MINIMIZED: %" PRIu32 " of %" PRIu32 " conditions are needed (%" PRIu32
          " runs). The smallest scenario that still stalls:\n\n%s",
          report->conditions_left, report->conditions_before, report->minimize_runs,
          report->smallest);
}

void replay_report_write(const struct replay_report *report, FILE *stream)
{
  if (report->target == NULL) {
    fputs("Nothing to reproduce: the trace shows no stall.\n", stream);
    return;
  }
  fprintf(stream, "Recorded: ");
  write_finding(report->target, stream);
  fprintf(stream, " (stream of the %s%s)\n", side_name(report->target->sender),
          report->target->problem ? "" : "; harmless");
  if (report->target->summary[0] != '\0')
    fprintf(stream, "  %s\n", report->target->summary);
  fprintf(stream, "Replayed as %s: %s", report->way->name, report->way->purpose);
  fprintf(stream, "%s%s\n", report->why[0] != '\0' ? "; " : "", report->why);
  write_conditions(report, stream);
  write_notes(report, stream);
  for (uint32_t i = 0; i < report->run_count; i++) {
    char name[24];
    snprintf(name, sizeof name, "run %" PRIu32 ":", i + 1);
    write_run(name, &report->runs[i], stream);
  }
  if (report->has_control && !report->control.outcome.control_same)
    write_run("control:", &report->control, stream);
  if (report->run_count > 0)
    write_timing(&report->runs[0].outcome, stream);
  write_verdict(report, stream);
  if (report->has_control)
    write_control(report, stream);
  write_smallest(report, stream);
}

/* ---- JSON ---- */

static json_t *json_of_finding(const struct recorded_finding *finding)
{
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:s}", "kind", finding->kind, "severity",
                   finding->problem ? "problem" : "info", "sender", side_name(finding->sender),
                   "location", finding->location, "cause", finding->cause, "duration_s",
                   time_to_s(finding->waited_ns), "ended_by", finding->ended_by);
}

static json_t *json_of_texts(const char *texts, size_t bytes_each, uint32_t count)
{
  json_t *list = json_array();
  for (uint32_t i = 0; i < count; i++)
    json_array_append_new(list, json_string(texts + i * bytes_each));
  return list;
}

static json_t *json_of_result(const struct replay_result *result)
{
  const struct replay_verdict *verdict = &result->verdict;
  const struct replay_outcome *outcome = &result->outcome;
  return json_pack(
      "{s:b, s:b, s:b, s:b, s:b, s:o, s:s, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:o}", "reproduced",
      verdict->reproduced, "location_same", verdict->location_same, "cause_same",
      verdict->cause_same, "duration_close", verdict->duration_close, "ended_same",
      verdict->ended_same, "found", verdict->found ? json_of_finding(&verdict->live) : json_null(),
      "difference", verdict->difference, "lateness_ns", "frames",
      (json_int_t)outcome->lateness.count, "p50", (json_int_t)outcome->lateness.p50_ns, "p99",
      (json_int_t)outcome->lateness.p99_ns, "max", (json_int_t)outcome->lateness.max_ns,
      "ring_drops", (json_int_t)outcome->ring_drops, "write_failures",
      (json_int_t)outcome->write_failures, "notes",
      json_of_texts(outcome->notes[0], REPLAY_NOTE_BYTES, outcome->note_count));
}

static json_t *json_of_assumptions(const struct replay_report *report)
{
  const struct recording *recording = report->recording;
  json_t *list = json_of_texts(recording != NULL ? recording->assumptions[0] : "",
                               sizeof recording->assumptions[0],
                               recording != NULL ? recording->assumption_count : 0);
  for (uint32_t i = 0; report->plan != NULL && i < report->plan->assumption_count; i++)
    json_array_append_new(list, json_string(report->plan->assumptions[i]));
  return list;
}

static json_t *json_of_conditions(const struct plan *plan)
{
  json_t *list = json_array();
  for (uint32_t i = 0; plan != NULL && i < plan->condition_count; i++)
    json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "text", plan->conditions[i].text,
                                          "why", plan->conditions[i].why, "suspected",
                                          plan->conditions[i].suspected));
  return list;
}

static const char *verdict_word(const struct replay_report *report)
{
  if (report->target == NULL)
    return "nothing-to-reproduce";
  return report->reproduced > 0 ? "reproduced" : "not-reproduced";
}

void replay_report_json(const struct replay_report *report, FILE *stream)
{
  json_t *root =
      json_pack("{s:s, s:s}", "schema", "tcpstall-replay/1", "verdict", verdict_word(report));
  if (report->target != NULL) {
    json_t *runs = json_array();
    for (uint32_t i = 0; i < report->run_count; i++)
      json_array_append_new(runs, json_of_result(&report->runs[i]));
    json_object_set_new(root, "way", json_string(report->way->name));
    json_object_set_new(root, "recorded", json_of_finding(report->target));
    json_object_set_new(root, "assumed", json_of_assumptions(report));
    json_object_set_new(root, "conditions", json_of_conditions(report->plan));
    json_object_set_new(root, "reproduced", json_integer(report->reproduced));
    json_object_set_new(root, "runs", runs);
  }
  if (report->has_control) {
    json_object_set_new(root, "control", json_of_result(&report->control));
    json_object_set_new(root, "control_made", json_boolean(!report->control.outcome.control_same));
    json_object_set_new(
        root, "control_clean",
        json_boolean(!report->control.outcome.control_same && !report->control.verdict.reproduced));
  }
  if (report->smallest != NULL) {
    json_object_set_new(root, "smallest", json_string(report->smallest));
    json_object_set_new(root, "conditions_needed", json_integer(report->conditions_left));
  }
  json_dumpf(root, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
  fputc('\n', stream);
  json_decref(root);
}
