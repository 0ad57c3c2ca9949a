//! Character cards: read from any container, edited without losing anything, written back.
