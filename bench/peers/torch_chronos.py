"""PyTorch with Hugging Face T5 as a contender of bench/interleave.ts: directory, dtype, threads.

The forecast is what the published Chronos pipeline runs for one series: generate() with sampling, top_k 50 and
num_return_sequences. See bench/serve.ts for the lines that are read and written.
"""

import json
import os
import sys
import time


def load(directory, dtype, threads):
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    import transformers
    from transformers import GenerationConfig, T5ForConditionalGeneration

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
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
    info = {"version": f"torch {torch.__version__}", "transformers": f"transformers {transformers.__version__}"}
    return info, workloads, {"encoder": encode, "logits": logits}


def main():
    directory, dtype, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        info, workloads, outputs = load(directory, dtype, threads)
    except Exception as error:  # whatever is missing, the peer is absent
        print("ABSENT", type(error).__name__, str(error).split("\n")[0], flush=True)
        return
    print("READY", json.dumps({**info, "workloads": list(workloads), "outputs": list(outputs)}), flush=True)
    for line in sys.stdin:
        command, name, argument = line.rstrip("\n").split("\t")
        if command == "RUN":
            cpu = time.process_time()
            ms = []
            for _ in range(int(argument)):
                start = time.perf_counter()
                workloads[name]()
                ms.append((time.perf_counter() - start) * 1e3)
            print("TIMES", json.dumps({"ms": ms, "cpu": time.process_time() - cpu}), flush=True)
        if command == "OUT":
            outputs[name]().float().contiguous().numpy().tofile(argument)
            print("WROTE", flush=True)


if __name__ == "__main__":
    main()
