//! Network devices, routes and packet filters inside a namespace.
