(module (memory (export "memory") 1)
  (func $guilty (param i64) (result i64)
    (i64.add (local.get 0) (call $guilty (i64.add (local.get 0) (i64.const 1)))))
  (func (export "_start") (drop (call $guilty (i64.const 0)))))
