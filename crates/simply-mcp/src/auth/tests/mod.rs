//! Keys, from their file to the answer whether one is good.

mod file;
mod keys;
