package issue

import (
	"errors"
	"io"
	"net"
	"strings"
)

// away tells of errors that nobody gave a kind and that say that what stands behind this
// program, as its database, is not there or cannot do it now. Coming again helps, so they
// are no faults of this program. Errors of PostgreSQL are known by their state, whatever
// library they come from.
func away(err error) bool {
	var postgres interface{ SQLState() string }
	if errors.As(err, &postgres) {
		state := postgres.SQLState()
		switch state {
		case "40001", "40P01", // serialisation failure, deadlock
			"55P03", "57014", // a lock or an answer that did not come in time
			"25006": // what answers is a standby
			return true
		}
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57P") // connection, resources, shutdown
	}
	var network *net.OpError
	var unsent interface{ SafeToRetry() bool }
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &unsent) && unsent.SafeToRetry()
}
