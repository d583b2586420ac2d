import { LitElement, type TemplateResult, html } from "lit";
import { customElement, property } from "lit/decorators.js";

import { latentFrames, owners, videoFrames } from "../narrative/framePlan";
import { type Narrative } from "../narrative/narrative";
import { retime } from "../narrative/reduce";
import { styled } from "../styled";
import { percent } from "./geometry";
import { hue, latentStyles } from "./styles";

/** The latent frames, in the colour of the clip that each reads. */
@customElement("latent-track")
export class LatentTrack extends LitElement {
  static override styles = latentStyles;

  @property({ attribute: false }) story!: Narrative;
  @property({ type: Number }) stride = 4;

  override render(): TemplateResult {
    const frames = videoFrames(this.story.numFrames, this.stride);
    const read = owners(retime(this.story, frames), this.stride);
    return html`
      <div class="latent" title="Latent frames, in the colour of the clip that each reads" aria-hidden="true">
        ${latentFrames(frames, this.stride).map(
          ({ start, end }, index) => html`
            <span
              ${styled({
                left: percent(start, frames),
                width: percent(end - start, frames),
                "--hue": hue(read[index]!),
              })}
            ></span>
          `,
        )}
      </div>
    `;
  }
}
