"""PyTorch with Hugging Face T5 as a contender of bench/interleave.ts: directory, dtype, threads.

The forecast is what the published Chronos pipeline runs for one series: generate() with sampling, top_k 50 and
num_return_sequences.
"""

import json
import os
import sys

from torch_contender import prepare, serve


def load():
    directory, dtype, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch = prepare(threads)
    import transformers
    from transformers import GenerationConfig, T5ForConditionalGeneration

    with open(os.path.join(directory, "bench-inputs.json"), encoding="utf-8") as file:
        inputs = json.load(file)
    model = T5ForConditionalGeneration.from_pretrained(directory, dtype=getattr(torch, dtype)).eval()
    ids = torch.tensor([inputs["inputIds"]])
    mask = torch.ones_like(ids)
    decoder_ids = torch.tensor([inputs["decoderIds"]])

    def encode():
        return model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state

    def forecast(paths):
        config = GenerationConfig(
            min_new_tokens=inputs["steps"],
            max_new_tokens=inputs["steps"],
            do_sample=True,
            num_return_sequences=paths,
            eos_token_id=1,
            pad_token_id=0,
            decoder_start_token_id=0,
            temperature=1.0,
            top_k=inputs["topK"],
            top_p=1.0,
        )
        tokens = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        assert tuple(tokens.shape) == (paths, inputs["steps"] + 1), tokens.shape

    def logits():
        return model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder_ids).logits

    workloads = {
        "encoder": encode,
        "forecast of 20 paths": lambda: forecast(20),
        "forecast of 1 path": lambda: forecast(1),
    }
    versions = {"transformers": f"transformers {transformers.__version__}"}
    return versions, workloads, {"encoder": encode, "logits": logits}


if __name__ == "__main__":
    serve(load)
