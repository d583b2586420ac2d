/** The browser's reducer and Python's `reasondiff.narrative.editing` agree, refusals word for word. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { unreadClips } from "../src/narrative/framePlan";
import { begin, edited, redo, undo } from "../src/narrative/history";
import { type NarrativeFile, NarrativeError, fromFile, toFile } from "../src/narrative/narrative";
import { type Edit, reduce } from "../src/narrative/reduce";

interface Sequence {
  narrative: NarrativeFile;
  steps: { edit: Edit; narrative?: NarrativeFile; unread?: number[]; refused?: string }[];
}

const path = process.env["REASONDIFF_EDITS"] ?? new URL("../../tests/narrative/edits.json", import.meta.url);
const sequences = JSON.parse(readFileSync(path, "utf-8")) as Sequence[];

test("every edit gives what Python gives", () => {
  for (const { narrative, steps } of sequences) {
    let told = fromFile(narrative);
    for (const step of steps) {
      if (step.refused !== undefined) {
        const refused = (): unknown => reduce(told, step.edit);
        expect(refused).toThrow(new NarrativeError(step.refused));
        continue;
      }
      told = reduce(told, step.edit);
      expect(toFile(told)).toEqual(step.narrative);
      expect(unreadClips(told)).toEqual(step.unread);
    }
  }
});

test("undo inverts every edit and redo does it again", () => {
  for (const { narrative, steps } of sequences) {
    const done = steps.filter((step) => step.refused === undefined);
    let history = begin(fromFile(narrative));
    const states = [history.present];
    for (const { edit } of done) {
      history = edited(history, edit);
      states.push(history.present);
    }
    for (const state of states.slice(0, -1).toReversed()) {
      history = undo(history);
      expect(history.present).toEqual(state);
    }
    expect(undo(history)).toBe(history);
    for (const state of states.slice(1)) {
      history = redo(history);
      expect(history.present).toEqual(state);
    }
    expect(redo(history)).toBe(history);
  }
});

test("a drag is one step", () => {
  let history = begin(fromFile(sequences[0]!.narrative));
  const before = history.present;
  for (const frame of [0, 1, 2]) {
    history = edited(history, { type: "move_anchor", frame }, "drag 1");
  }
  expect(undo(history).present).toEqual(before);
});

test("a file survives reading and writing", () => {
  for (const { narrative } of sequences) {
    expect(toFile(fromFile(narrative))).toEqual(narrative);
  }
});
