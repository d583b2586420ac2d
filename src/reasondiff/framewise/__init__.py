"""Frame-wise cross-attention: the tokens of a latent frame read only their own narrative's text.

    plan = FramePlan.from_narrative(narrative, timeline)          # which text each latent frame reads
    framewise = install(transformer)                              # a stock WanTransformer3DModel
    context = FrameContext.build(plan, embeddings, text_length=512, image=image_embeds)
    with framewise.use(context):
        prediction = transformer(hidden_states=..., timestep=..., **context.inputs, return_dict=False)[0]

The paper's denoiser reads the per-frame narratives, u(x_t, h, c*) in Eq. 6; how they reach Wan's cross-attention is our
choice. The research code's way, all narratives in one unordered context, is ``how="concat"``.
"""

from reasondiff.framewise.context import FrameContext
from reasondiff.framewise.controller import Framewise, install
from reasondiff.framewise.plan import FramePlan
from reasondiff.framewise.processor import FramewiseAttnProcessor
from reasondiff.framewise.record import AttentionRecord

__all__ = ["AttentionRecord", "FrameContext", "FramePlan", "Framewise", "FramewiseAttnProcessor", "install"]
