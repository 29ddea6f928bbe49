-- The metrics: how many executions are open. One that ends in its first transaction never enters it.
create index states_execution_open on states_execution (machine) where status = 'RUNNING';
