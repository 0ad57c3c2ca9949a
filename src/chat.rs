//! A conversation with a character, as a state machine without a terminal.
