package trace

import "context"

// Flush sends what waits.
func (t *Tracer) Flush(ctx context.Context) error { return t.provider.ForceFlush(ctx) }
