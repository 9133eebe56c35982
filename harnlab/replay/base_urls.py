"""Base URLs the runtime calls unless somebody says otherwise, as data.

No log holds a base URL. These are the built-in ones of Harn's public provider catalog
(``crates/harn-vm/src/llm/providers.toml``); a project may replace any of them in its own configuration.
"""

from __future__ import annotations

from typing import Final

#: Provider to built-in base URL.
BASE_URLS: Final = {
    "anthropic": "https://api.anthropic.com/v1",
    "baseten": "https://inference.baseten.co/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "dashscope": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "gemini": "https://generativelanguage.googleapis.com",
    "groq": "https://api.groq.com/openai/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nebius": "https://api.tokenfactory.nebius.com/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://localhost:11434",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "sambanova": "https://api.sambanova.ai/v1",
    "together": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
    "zai": "https://api.z.ai/v1",
}

#: Providers whose base URL no environment variable changes: another host than the built-in one needs an explanation.
FIXED: Final = frozenset({"anthropic", "huggingface", "openai", "openrouter"})
