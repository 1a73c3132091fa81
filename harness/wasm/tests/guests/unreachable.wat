(module (memory (export "memory") 1)
  (func $guilty (export "_start") unreachable))
