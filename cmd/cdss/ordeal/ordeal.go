// Package ordeal tries the program as bad days do: processes are killed and paused, the
// database dies, stalls and comes back, the FHIR server answers nonsense, and more is asked
// than can be answered. Every answer that comes meanwhile is held against what a healthy
// server says.
//
// It owns the processes it starts, the faults, and the oracle. It refuses to look inside
// the program: what it starts is the binary, and what it judges is what a client would get.
package ordeal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build makes the program from the sources that the working directory stands in, and gives
// its path in dir.
func Build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "cdss")
	out, err := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", program, "cdss/cmd/cdss").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return program, nil
}

// Replica is one process of the program. It can be killed and started again at the same
// address; what it says goes to a file.
type Replica struct {
	Name, Base string

	program string
	vars    []string
	log     string
	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
}

// NewReplica makes a replica below dir, at a free address, that is not started yet. Vars
// are as os.Environ, DATABASE_URL among them.
func NewReplica(program, dir, name string, vars ...string) (*Replica, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, name)
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	return &Replica{
		Name: name, Base: "http://" + address, program: program, log: filepath.Join(dir, name+".log"),
		vars: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "CDSS_ADDR=" + address, "CDSS_METRICS_ADDR=" + metrics,
			"CDSS_DATA_DIR=" + data, "LOG_LEVEL=info"}, vars...),
	}, nil
}

// Metrics gives the address of the replica's metrics.
func (r *Replica) Metrics() string {
	for _, v := range r.vars {
		if a, ok := strings.CutPrefix(v, "CDSS_METRICS_ADDR="); ok {
			return "http://" + a + "/metrics"
		}
	}
	return ""
}

// Start starts the process and returns at once.
func (r *Replica) Start() error {
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(r.program, "serve")
	command.Env, command.Stdout, command.Stderr = r.vars, log, log
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.Name, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	r.mu.Lock()
	r.command, r.ended = command, ended
	r.mu.Unlock()
	return nil
}

// Signal sends a signal; SIGKILL and SIGTERM are followed by the end of the process.
func (r *Replica) Signal(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.command != nil {
		_ = r.command.Process.Signal(s)
	}
}

// Kill ends the process as a power cut does.
func (r *Replica) Kill() {
	r.Signal(syscall.SIGKILL)
	_ = r.wait(10 * time.Second)
}

// Stop ends the process as an operator does, and tells how long that took. The error is
// that it did not end in time or said that it failed.
func (r *Replica) Stop(within time.Duration) (time.Duration, error) {
	began := time.Now()
	r.Signal(syscall.SIGTERM)
	if err := r.wait(within); err != nil {
		r.Kill()
		return within, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.command != nil && !r.command.ProcessState.Success() {
		return time.Since(began), fmt.Errorf("%s ended with %s", r.Name, r.command.ProcessState)
	}
	return time.Since(began), nil
}

func (r *Replica) wait(within time.Duration) error {
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-time.After(within):
		return fmt.Errorf("%s did not end within %s", r.Name, within)
	}
}

// Running tells whether the process is there.
func (r *Replica) Running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		return false
	}
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// PID gives the id of the process that was started last.
func (r *Replica) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.command.Process.Pid
}

// Ready waits until the replica says that requests may come.
func (r *Replica) Ready(ctx context.Context, within time.Duration) error {
	for deadline := time.Now().Add(within); time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
		if status, _, _ := Get(ctx, r.Base+"/readyz", 2*time.Second); status == http.StatusOK {
			return nil
		}
		if !r.Running() {
			return fmt.Errorf("%s ended at its start: %s", r.Name, r.Tail())
		}
	}
	return fmt.Errorf("%s is not ready after %s: %s", r.Name, within, r.Tail())
}

// Tail gives the end of what the replica said.
func (r *Replica) Tail() string {
	raw, _ := os.ReadFile(r.log)
	return string(raw[max(0, len(raw)-2000):])
}

// Command runs a subcommand of the program on the replica's database.
func (r *Replica) Command(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, r.program, args...)
	command.Env = r.vars
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("cdss %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// client keeps no more connections than are used at once.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 10 * time.Second}}

// Get asks for a page.
func Get(ctx context.Context, url string, within time.Duration) (int, http.Header, []byte) {
	return send(ctx, http.MethodGet, url, nil, within, nil)
}

// Post sends JSON. The status is 0 when no answer came.
func Post(ctx context.Context, url string, body []byte, within time.Duration) (int, http.Header, []byte) {
	return send(ctx, http.MethodPost, url, body, within, map[string]string{"Content-Type": "application/json"})
}

func send(ctx context.Context, method, url string, body []byte, within time.Duration, header map[string]string) (int, http.Header, []byte) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var reader io.Reader
	if body != nil {
		reader = strings.NewReader(string(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return 0, nil, nil
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, nil
	}
	return res.StatusCode, res.Header, raw
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// until polls for what other processes bring about.
func until(ctx context.Context, within time.Duration, happened func() (bool, error)) error {
	var last error
	for deadline := time.Now().Add(within); time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		ok, err := happened()
		if ok {
			return nil
		}
		last = err
	}
	return errors.Join(fmt.Errorf("did not happen within %s", within), ctx.Err(), last)
}
