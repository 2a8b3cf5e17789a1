package task

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// relisten is the wait before a lost connection is opened again.
const relisten = time.Second

// Listen calls heard with the payload of each notification on a channel until ctx
// ends. It keeps a connection of its own beside the pool's, opens it again when it
// breaks, and calls heard with "" after each opening, since notifications may have
// been missed. Behind a pooler in transaction mode nothing is heard: callers poll
// as well.
func Listen(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger, channel string, heard func(payload string)) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for ctx.Err() == nil {
		if err := listen(ctx, pool.Config().ConnConfig, channel, heard); err != nil && ctx.Err() == nil {
			log.Warn("notifications interrupted", "channel", channel, "error", err)
		}
		_ = pause(ctx, nil, relisten)
	}
}

func listen(ctx context.Context, config *pgx.ConnConfig, channel string, heard func(string)) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to listen on %s: %w", channel, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen on %s: %w", channel, err)
	}
	heard("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait on %s: %w", channel, err)
		}
		heard(n.Payload)
	}
}
