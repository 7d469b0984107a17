//! The parts of the `simply-mcp` program that can be tested without its command line.

pub mod gateway;
