-- story: what still waits for a trace. Only the kinds that a story is made of, so that tasks and timers cost nothing more.
create index work_trace on work (trace) where kind in ('call', 'event', 'delivery');
