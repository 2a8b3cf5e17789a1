package issue_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"cdss/fhir/issue"
)

type postgres string

func (p postgres) Error() string    { return "ERROR: " + string(p) }
func (p postgres) SQLState() string { return string(p) }

// TestAway: what cannot be reached is no fault of this program.
func TestAway(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want issue.Kind
	}{
		"nobody listens":      {&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, issue.Transient},
		"the connection ends": {io.ErrUnexpectedEOF, issue.Transient},
		"shutdown":            {postgres("57P01"), issue.Transient},
		"too many":            {postgres("53300"), issue.Transient},
		"a standby":           {postgres("25006"), issue.Transient},
		"a broken constraint": {postgres("23505"), issue.Exception},
		"a broken statement":  {postgres("42601"), issue.Exception},
		"anything":            {errors.New("anything"), issue.Exception},
		"one with a kind":     {issue.Wrap(issue.NotFound, io.ErrUnexpectedEOF, "read x"), issue.NotFound},
	} {
		if got := issue.KindOf(fmt.Errorf("read x: %w", tc.err)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if got := issue.Status(postgres("08006")); got != 503 {
		t.Errorf("status %d", got)
	}
}
