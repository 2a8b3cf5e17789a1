package audit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"cdss/fhir/issue"
)

// SpoolLimit is how many bytes a spool holds on disk.
const SpoolLimit = 64 << 20

// segmentSize is when a new file is begun: what was replayed is removed by the file.
const segmentSize = 1 << 20

// maxSpooled is the largest record.
const maxSpooled = 1 << 20

// Spool keeps records on disk while the database is away, in the order they came. It
// is for one process; its directory is locked. What Add has returned for is on the
// disk (fsync). After a crash a record may be replayed twice, never be lost: who
// replays must not mind.
//
// Records are encrypted (AES-256-GCM) under a key that lies beside them and goes when
// they are replayed, so that no copy of the directory made later tells anything.
type Spool struct {
	dir   string
	limit int64
	log   *slog.Logger
	lock  *os.File

	mu     sync.Mutex
	aead   cipher.AEAD
	file   *os.File // the segment that is written; nil: none yet
	number int      // of that segment
	size   int64    // of that segment
	total  int64    // of all segments
}

// OpenSpool opens the spool in a directory, which is made. limit 0 means SpoolLimit;
// log may be nil. It is an error when another process has it.
func OpenSpool(dir string, limit int64, log *slog.Logger) (*Spool, error) {
	if limit <= 0 {
		limit = SpoolLimit
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the spool: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("lock the spool %s: %w", dir, err)
	}
	s := &Spool{dir: dir, limit: limit, log: log, lock: lock}
	if err := s.load(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open the spool %s: %w", dir, err)
	}
	return s, nil
}

// lockFile takes a lock that the kernel releases when the process ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another process has it: %w", err)
	}
	return f, nil
}

// load counts what is there.
func (s *Spool) load() error {
	numbers, err := s.segments()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		info, err := os.Stat(s.path(n))
		if err != nil {
			return err
		}
		s.total += info.Size()
		s.number = n
	}
	return s.openKey(len(numbers) > 0)
}

// openKey reads the key, or makes one when nothing is there that needs the old one.
func (s *Spool) openKey(needed bool) error {
	name := filepath.Join(s.dir, "key")
	key, err := os.ReadFile(name)
	switch {
	case err == nil && len(key) == 32:
	case needed && err != nil:
		return fmt.Errorf("records are there and their key is not: %w", err)
	case needed:
		return errors.New("records are there and their key has been damaged")
	default:
		key = make([]byte, 32)
		rand.Read(key) // never fails (crypto/rand, Go 1.24)
		if err := writeWhole(name, key); err != nil {
			return err
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return err
}

// writeWhole writes a file that is there in full or not at all, also after a crash.
func writeWhole(name string, content []byte) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes new and removed names of a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// segments lists the numbers of the files, the oldest first.
func (s *Spool) segments() ([]int, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		var n int
		if name, ok := strings.CutSuffix(e.Name(), ".spool"); ok {
			if _, err := fmt.Sscanf(name, "%d", &n); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (s *Spool) path(number int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%08d.spool", number))
}

// Size gives how many bytes wait on disk.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Empty tells whether nothing waits.
func (s *Spool) Empty() bool { return s.Size() == 0 }

// frame is the length of what stands before a record: its size.
const frame = 4

// Add keeps records, all or none, and returns when they are on the disk. An error of
// kind issue.NoStore says that the spool is full or the disk is.
func (s *Spool) Add(records ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for _, r := range records {
		if len(r) > maxSpooled {
			return issue.New(issue.TooLong, "a record of %d bytes does not fit the spool", len(r))
		}
		sealed := s.aead.Seal(nil, nil, r, nil)
		b = binary.BigEndian.AppendUint32(b, uint32(len(sealed)))
		b = append(b, sealed...)
	}
	if s.total+int64(len(b)) > s.limit {
		return issue.New(issue.NoStore, "the spool is full: %d of %d bytes wait for the database", s.total, s.limit)
	}
	if err := s.append(b); err != nil {
		return issue.Wrap(issue.NoStore, err, "the spool cannot be written")
	}
	return nil
}

func (s *Spool) append(b []byte) error {
	if s.file == nil || s.size >= segmentSize {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err := s.file.Write(b)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// What was written of it must not stand before what comes next.
		_ = s.file.Truncate(s.size)
		s.end()
		return err
	}
	s.size += int64(len(b))
	s.total += int64(len(b))
	return nil
}

// begin opens a new segment.
func (s *Spool) begin() error {
	s.end()
	f, err := os.OpenFile(s.path(s.number+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s.number++
	if err := syncDir(s.dir); err != nil {
		f.Close()
		return err
	}
	s.file, s.size = f, 0
	return nil
}

// end closes the segment that is written.
func (s *Spool) end() {
	if s.file != nil {
		s.file.Close()
		s.file, s.size = nil, 0
	}
}

// Replay gives what waits to take, the oldest first and up to most records at once,
// and removes each file when all of it was taken. It ends with take's error, or when
// nothing is left. Add may be called meanwhile, Replay not.
func (s *Spool) Replay(ctx context.Context, most int, take func(records [][]byte) error) error {
	for ctx.Err() == nil {
		number, err := s.oldest()
		if err != nil || number == 0 {
			return err
		}
		records, err := s.readSegment(number)
		if err != nil {
			return fmt.Errorf("read the spool: %w", err)
		}
		for part := range slices.Chunk(records, most) {
			if err := take(part); err != nil {
				return err
			}
		}
		if err := s.remove(number); err != nil {
			return fmt.Errorf("remove what was replayed from the spool: %w", err)
		}
	}
	return ctx.Err()
}

// oldest gives the number of the oldest segment, closed for writing; 0 for none.
func (s *Spool) oldest() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers, err := s.segments()
	if err != nil {
		return 0, fmt.Errorf("read the spool: %w", err)
	}
	if len(numbers) == 0 {
		s.total = 0
		return 0, nil
	}
	if numbers[0] == s.number {
		s.end()
	}
	return numbers[0], nil
}

// readSegment gives the records of a file. A torn end, as a crash leaves it, was
// never promised to anybody; damage elsewhere is told.
func (s *Spool) readSegment(number int) ([][]byte, error) {
	raw, err := os.ReadFile(s.path(number))
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for len(raw) >= frame {
		size := int64(binary.BigEndian.Uint32(raw))
		raw = raw[frame:]
		if size > int64(len(raw)) {
			break
		}
		record, err := s.aead.Open(nil, nil, raw[:size], nil)
		raw = raw[size:]
		switch {
		case err == nil:
			records = append(records, record)
		case len(raw) > 0:
			s.log.Error("a spooled record is damaged and lost", "segment", number, "bytes", size)
		}
	}
	return records, nil
}

// remove deletes a replayed segment, and with the last one the key.
func (s *Spool) remove(number int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path(number))
	if err != nil {
		return err
	}
	if err := os.Remove(s.path(number)); err != nil {
		return err
	}
	s.total -= info.Size()
	numbers, err := s.segments()
	if err == nil && len(numbers) == 0 {
		s.total = 0
		err = errors.Join(os.Remove(filepath.Join(s.dir, "key")), s.openKey(false))
	}
	return errors.Join(err, syncDir(s.dir))
}

// Close ends the use of the spool; what waits stays on disk.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return s.lock.Close()
}
