//! What compute hardware is here and how it is doing.
