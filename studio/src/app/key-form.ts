import { LitElement, type TemplateResult, html } from "lit";
import { customElement } from "lit/decorators.js";

import { shared } from "./styles";

/**
 * Asks for the key of a server that wants one.
 *
 * @fires key - one is given; `detail` is it
 */
@customElement("key-form")
export class KeyForm extends LitElement {
  static override styles = shared;

  override render(): TemplateResult {
    return html`
      <form class="row" @submit=${this.submit}>
        <label>This server asks for a key <input name="key" type="password" autocomplete="off" required /></label>
        <button>Go on</button>
      </form>
    `;
  }

  private submit(event: Event): void {
    event.preventDefault();
    const key = String(new FormData(event.target as HTMLFormElement).get("key"));
    this.dispatchEvent(new CustomEvent("key", { detail: key }));
  }
}
