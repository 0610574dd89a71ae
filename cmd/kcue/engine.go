package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"kcue.dev/protocol"
)

const (
	engineName = "kcue-engine"
	// engineVariable names an engine that is neither beside kcue nor in PATH.
	engineVariable = "KCUE_ENGINE"
	// engineGreets is how long an engine may take to say what it is; it does
	// so within 0.2 s on an idle machine.
	engineGreets = 30 * time.Second

	howToInstall = "install it with go install ./evaluator/cmd/kcue-engine in kcue's repository, beside kcue or in PATH, or name it in " + engineVariable
)

// findEngine gives the path of kcue-engine: beside the kcue binary, else from
// PATH, else from the environment.
func findEngine() (string, error) {
	name := engineName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		places := []string{self}
		if target, err := filepath.EvalSymlinks(self); err == nil {
			places = append(places, target)
		}
		for _, place := range places {
			path := filepath.Join(filepath.Dir(place), name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	if path, err := exec.LookPath(engineName); err == nil {
		return path, nil
	}
	if path := os.Getenv(engineVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", usagef("%s names %s, which cannot be used: %w", engineVariable, path, pathReason(err))
		}
		return path, nil
	}
	return "", usagef("%s is not found: %s", engineName, howToInstall)
}

// pathReason is an error of the file system without the path, which the
// message has already.
func pathReason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// engine is a running kcue-engine.
type engine struct {
	path   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	in     *protocol.Writer
	out    *protocol.Reader
	stderr *tail
}

// startEngine finds and starts kcue-engine. It starts up beside what else a
// command has to do first; await tells whether it can be used.
func startEngine() (*engine, error) {
	path, err := findEngine()
	if err != nil {
		return nil, err
	}
	e := &engine{path: path, cmd: exec.Command(path, "serve"), stderr: &tail{}}
	e.cmd.Stderr = e.stderr
	e.cmd.Env = engineEnvironment(os.Environ())
	// A child of its own might hold stderr open.
	e.cmd.WaitDelay = time.Second
	if e.stdin, err = e.cmd.StdinPipe(); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if err := e.cmd.Start(); err != nil {
		return nil, usagef("%s cannot be started: %w", path, pathReason(err))
	}
	e.in, e.out = protocol.NewWriter(e.stdin), protocol.NewReader(stdout)
	return e, nil
}

// engineEnvironment has the engine collect no garbage while it starts, which
// would take a quarter of that time; for its work it has settings of its own,
// unless the user has set any. Nor does it take note of what it allocates where,
// for a profile that nobody reads.
func engineEnvironment(environ []string) []string {
	noProfile, collects := "GODEBUG=memprofilerate=0", false
	for _, v := range environ {
		if set, ok := strings.CutPrefix(v, "GODEBUG="); ok {
			noProfile = "GODEBUG=memprofilerate=0," + set // of two, Go takes the last
		}
		collects = collects || strings.HasPrefix(v, "GOGC=") || strings.HasPrefix(v, "GOMEMLIMIT=")
	}
	environ = append(slices.Clip(environ), noProfile)
	if collects {
		return environ
	}
	return append(environ, "GOGC=off", protocol.StartVariable+"=1")
}

// await makes sure that the engine speaks the same protocol.
func (e *engine) await() error {
	if err := e.greet(); err != nil {
		e.kill()
		return usagef("%s is not the %s of this kcue: %w\n%s", e.path, engineName, err, howToInstall)
	}
	return nil
}

// stop ends an engine that is done, or asked nothing. It may be called where there
// is none. It waits until the engine is gone, so that what it took counts as this
// process's.
func (e *engine) stop() {
	if e != nil {
		e.kill()
	}
}

func (e *engine) greet() error {
	late := time.AfterFunc(engineGreets, func() { e.cmd.Process.Kill() })
	defer late.Stop()
	var reply protocol.Reply
	if err := e.out.Read(&reply); err != nil {
		e.kill()
		// Whatever it is, its own words are the best that there is to tell.
		if said := e.stderr.String(); said != "" {
			return fmt.Errorf("%w: it says %q", protocol.ErrVersion, said)
		}
		return fmt.Errorf("%w: it sends no greeting", protocol.ErrVersion)
	}
	if err := reply.Hello.Accept(); err != nil {
		return err
	}
	hello := protocol.Hello{Protocol: protocol.Version}
	if err := e.in.Write(protocol.Request{Hello: &hello}); err != nil {
		return err
	}
	return nil
}

// run sends requests and hands every reply to a function, until the engine is
// done. The requests are read as the engine takes them, in another goroutine.
func (e *engine) run(requests iter.Seq[protocol.Request], handle func(protocol.Reply) error) error {
	var writing sync.WaitGroup
	writing.Go(func() {
		// What an engine that is gone did not read, it is gone for: the end of
		// its replies tells.
		defer e.stdin.Close()
		for request := range requests {
			if e.in.Write(request) != nil {
				return
			}
		}
		e.in.Flush()
	})
	err := e.replies(handle)
	if err != nil {
		e.kill()
	}
	writing.Wait()
	// One that is done goes away while its answers are written. It is gone for good
	// when stop returns.
	e.cmd.Process.Kill()
	return err
}

func (e *engine) replies(handle func(protocol.Reply) error) error {
	for {
		var reply protocol.Reply
		err := e.out.Read(&reply)
		switch {
		case err != nil:
			e.kill()
			message := "ended before it was done"
			if said := e.stderr.String(); said != "" {
				message += ": " + said
			}
			return usagef("%s %s", e.path, message)
		case reply.Failure != "":
			return usagef("%s: %s", engineName, reply.Failure)
		case reply.Done:
			return nil
		}
		if err := handle(reply); err != nil {
			return err
		}
	}
}

// kill ends an engine whose answers are of no more use, and gathers all that it
// said.
func (e *engine) kill() {
	if e.cmd.ProcessState == nil {
		e.cmd.Process.Kill()
		e.cmd.Wait()
	}
}

// tail keeps the last lines of what a process says.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return printable(string(bytes.TrimSpace(t.text)))
}

// printable is a text without what would steer a terminal: messages repeat
// what stands in the resources of others.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// progress tells a person at a terminal how far a run is.
type progress struct {
	w     io.Writer
	on    bool
	shown time.Time
	begun time.Time
}

// newProgress gives a progress line on w, which shows only on a terminal.
func newProgress(w io.Writer, quiet bool) *progress {
	return &progress{w: w, begun: time.Now(), on: !quiet && isTerminal(w)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show replaces the line, at most ten times a second and not in short runs.
func (p *progress) show(format string, args ...any) {
	now := time.Now()
	if !p.on || now.Sub(p.begun) < time.Second || now.Sub(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = now
	fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
}

// clear takes the line away.
func (p *progress) clear() {
	if !p.shown.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = time.Time{}
	}
}

// errFindings ends a command whose findings are already printed.
var errFindings = errors.New("there are findings")

// findingError is a finding that is not printed yet.
type findingError struct{ error }

func findingf(format string, args ...any) error { return findingError{fmt.Errorf(format, args...)} }
