//! What the validator says of good and bad prompts.
