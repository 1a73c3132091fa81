;; Asks for memory until it gets none, then exits in order.
(module (memory (export "memory") 1)
  (func $guilty (export "_start")
    (loop $on (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))))
