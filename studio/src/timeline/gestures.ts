/** What pointers and keys mean on the timeline. */

/** Follow a pointer from where it went down until it is released. */
export function follow(event: PointerEvent, move: (event: PointerEvent) => void, released = (): void => undefined): void {
  const handle = event.currentTarget as HTMLElement;
  handle.setPointerCapture(event.pointerId);
  const release = (): void => {
    handle.removeEventListener("pointermove", move);
    handle.removeEventListener("pointerup", release);
    handle.removeEventListener("pointercancel", release);
    released();
  };
  handle.addEventListener("pointermove", move);
  handle.addEventListener("pointerup", release);
  handle.addEventListener("pointercancel", release);
}

/** Follow the main button or a finger from a handle, which is focused; whether there is such a pointer. */
export function grab(event: PointerEvent, move: (event: PointerEvent) => void): boolean {
  if (event.button !== 0) {
    return false;
  }
  event.preventDefault();
  (event.currentTarget as HTMLElement).focus();
  follow(event, move);
  return true;
}

let groups = 0;

/** A name for edits that are one step of the history. */
export function nextGroup(what: string): string {
  return `${what} ${++groups}`;
}

/** Frames that a key of a slider goes, `page` of them by Page Up and Down; null for other keys. */
export function stepOf(event: KeyboardEvent, page: number): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -page,
    PageUp: page,
    Home: -Infinity,
    End: Infinity,
  };
  return event.ctrlKey || event.metaKey || event.altKey ? null : (steps[event.key] ?? null);
}
