import { nothing } from "lit";
import { type ElementPart, type PartInfo, Directive, PartType, directive } from "lit/directive.js";

class Styled extends Directive {
  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) {
      throw new Error("styled() stands in an element's tag.");
    }
  }

  override update(part: ElementPart, [properties]: [Readonly<Record<string, string>>]): typeof nothing {
    const { style } = part.element as HTMLElement;
    for (const [name, value] of Object.entries(properties)) {
      style.setProperty(name, value);
    }
    return nothing;
  }

  render(_: Readonly<Record<string, string>>): typeof nothing {
    return nothing;
  }
}

/** CSS properties of one element, set without a style attribute, which the page's content security policy forbids. */
export const styled = directive(Styled);
