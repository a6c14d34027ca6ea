"""A request becomes an execution. An execution becomes attempts.

request    ->  verify  ->  parse  ->  key  ->  admit  ->  respond        app.intake
execution  ->  claim   ->  run    ->  classify  ->  settle               app.worker
"""

__version__ = "0.1.0"
