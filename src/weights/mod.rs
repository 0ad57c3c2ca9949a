//! The files that models and adapters come in. Knows no cards and no prompts, and needs no llama.cpp.
