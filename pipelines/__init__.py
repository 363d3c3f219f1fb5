"""Pure text functions and the Apache Beam transforms over them: corpus in, shards out."""
