//! Limits, against a clock that tests hold.
