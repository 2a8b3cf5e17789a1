package ordeal

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/localpg"
)

// Database is a PostgreSQL of its own that can be killed, with a line to it that can be
// cut, held up and slowed down.
type Database struct {
	dir     string
	cluster *localpg.Cluster
	*Line
}

// StartDatabase makes a cluster below dir and a line to its database.
func StartDatabase(ctx context.Context, dir string) (*Database, error) {
	d := &Database{dir: dir}
	if err := d.Revive(ctx); err != nil {
		return nil, err
	}
	line, err := NewLine(d.cluster.DSN("cdss"))
	if err != nil {
		_ = d.cluster.Stop()
		return nil, err
	}
	d.Line = line
	return d, nil
}

// Direct gives the address of the database past the line.
func (d *Database) Direct() string { return d.cluster.DSN("cdss") }

// Kill ends the database as "pg_ctl stop -m immediate" does: without writing anything.
func (d *Database) Kill() error {
	raw, err := os.ReadFile(filepath.Join(d.dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("find the database to kill: %w", err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return fmt.Errorf("find the database to kill: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("kill the database: %w", err)
	}
	_ = d.cluster.Stop() // waits for its end
	return nil
}

// Revive starts the database again, which recovers from what was killed.
func (d *Database) Revive(ctx context.Context) error {
	cluster, err := localpg.Start(ctx, localpg.Config{DataDir: d.dir, Test: true})
	if err != nil {
		return err
	}
	d.cluster = cluster
	return nil
}

// Stop ends line and cluster.
func (d *Database) Stop() {
	d.Line.Close()
	_ = d.cluster.Stop()
}

// Line carries connections to a database, well or badly.
type Line struct {
	listener      net.Listener
	network, host string
	dsn           string

	mu     sync.Mutex
	cut    bool
	held   chan struct{} // not nil: bytes wait until it is closed
	delay  time.Duration
	open   map[net.Conn]bool
	closed bool
}

// NewLine makes a line to the database at dsn.
func NewLine(dsn string) (*Line, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Line{listener: listener, network: "tcp", host: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), open: map[net.Conn]bool{}}
	if strings.HasPrefix(config.Host, "/") {
		l.network, l.host = "unix", filepath.Join(config.Host, ".s.PGSQL."+strconv.Itoa(int(config.Port)))
	}
	l.dsn = fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable&connect_timeout=2", config.User, config.Password, listener.Addr(), config.Database)
	if config.Password == "" {
		l.dsn = fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=2", config.User, listener.Addr(), config.Database)
	}
	go l.accept()
	return l, nil
}

// DSN gives the address of the database by way of this line.
func (l *Line) DSN() string { return l.dsn }

// Cut ends all connections and lets no new one through; Heal ends every fault.
func (l *Line) Cut() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	l.Reset()
}

// Reset ends all connections, and lets new ones through.
func (l *Line) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
}

// Hold keeps every byte back: connections are there and nothing comes.
func (l *Line) Hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

// Slow lets each piece wait.
func (l *Line) Slow(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Heal ends every fault of the line.
func (l *Line) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.delay = false, 0
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// Close ends the line.
func (l *Line) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	_ = l.listener.Close()
	l.Heal()
	l.Reset()
}

func (l *Line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(near)
	}
}

func (l *Line) carry(near net.Conn) {
	defer near.Close()
	if !l.enter(near) {
		return
	}
	defer l.leave(near)
	far, err := net.DialTimeout(l.network, l.host, 2*time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	go l.pump(near, far)
	l.pump(far, near)
}

func (l *Line) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut || l.closed {
		return false
	}
	l.open[c] = true
	return true
}

func (l *Line) leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// pump moves bytes until one end closes, and then closes both.
func (l *Line) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			l.mu.Lock()
			held, delay := l.held, l.delay
			l.mu.Unlock()
			if held != nil {
				<-held
			}
			if delay > 0 {
				time.Sleep(delay)
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
