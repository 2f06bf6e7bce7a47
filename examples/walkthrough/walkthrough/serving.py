"""The built server, and a Caikit client that knows it only by gRPC reflection."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from .places import SERVER
from .processes import running

#: The same seed gives the same text, whenever it is asked.
SAMPLING = {"decoding_method": "SAMPLING", "temperature": 0.7, "top_k": 40, "seed": 1730}


@contextmanager
def serving(model: str, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Serves a folder or `s3://bucket/prefix`. Gives the address of Caikit's gRPC services."""
    ports = [f"--{name}-port=0" for name in ("grpc", "tgis", "http", "health")]
    command = ["node", str(SERVER), "serve", f"--model={model}", "--host=127.0.0.1", "--model-cache=", *ports]
    with running(command, {**os.environ, **environment}, folder / "server.log") as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended before it was ready: see {folder / 'server.log'}")
        yield f"127.0.0.1:{json.loads(line)['ports']['grpc']}"


def complete(address: str, prompts: list[str], tokens: int) -> dict[str, str]:
    """Asks for `tokens` more tokens behind each prompt, over `TextGenerationTaskPredict`."""
    with grpc.insecure_channel(address) as channel:
        predict, request = _method(channel, "caikit.runtime.Nlp.NlpService", "TextGenerationTaskPredict")
        metadata = [("mm-model-id", "gpt2")]

        def ask(prompt: str) -> str:
            message = request(text=prompt, max_new_tokens=tokens, min_new_tokens=tokens, **SAMPLING)
            return str(predict(message, metadata=metadata).generated_text)

        return {prompt: ask(prompt) for prompt in prompts}


def _method(channel: grpc.Channel, service: str, name: str) -> tuple[Any, Any]:
    """A method of the server and the class of its request, from the descriptors that the server itself gives."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName(service).methods_by_name[name]
    request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = channel.unary_unary(
        f"/{service}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return call, request
