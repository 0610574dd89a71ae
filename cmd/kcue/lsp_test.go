package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLanguageServer asks cue's language server about a repository of kcue
// init --vendor, as an editor does: what it shows on hover is the doc comment
// of the embedded module.
func TestLanguageServer(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if status := execute([]string{"init", "--vendor", dir}, streams{in: strings.NewReader(""), out: &said, err: &said}); status != exitOK {
		t.Fatalf("exit status %d\n%s", status, &said)
	}
	file := filepath.Join(dir, "policies", "pod_security.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server := startLanguageServer(t, dir)
	root, uri := fileURI(dir), fileURI(file)
	server.ask(t, "initialize", map[string]any{
		"processId": nil, "rootUri": root, "workspaceFolders": []any{map[string]string{"uri": root, "name": "policies"}},
		"capabilities": map[string]any{},
	})
	server.tell(t, "initialized", map[string]any{})
	server.tell(t, "textDocument/didOpen", map[string]any{
		"textDocument": map[string]any{"uri": uri, "languageId": "cue", "version": 1, "text": string(text)},
	})
	for _, tt := range []struct{ at, want string }{
		{"#BlockPrivilegedContainers", "refuses a Pod with a privileged container"},
		{"failureAction:", "Whether a violation blocks the request"},
	} {
		before, _, ok := strings.Cut(string(text), tt.at)
		if !ok {
			t.Fatalf("no %s in\n%s", tt.at, text)
		}
		answer := server.ask(t, "textDocument/hover", map[string]any{
			"textDocument": map[string]string{"uri": uri},
			"position": map[string]int{
				"line":      strings.Count(before, "\n"),
				"character": len(before) - strings.LastIndex(before, "\n"), // one character in
			},
		})
		if !strings.Contains(string(answer), tt.want) {
			t.Errorf("hover over %s: %s, want %q", tt.at, answer, tt.want)
		}
	}
}

func fileURI(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// languageServer speaks the Language Server Protocol with a process: JSON-RPC
// after a header that says its length.
type languageServer struct {
	in     io.Writer
	out    *bufio.Reader
	serial int
}

func startLanguageServer(t *testing.T, dir string) *languageServer {
	t.Helper()
	cmd := exec.Command("cue", "lsp")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CUE_REGISTRY=none", "CUE_CACHE_DIR="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &languageServer{in: in, out: bufio.NewReader(out)}
}

func (s *languageServer) send(t *testing.T, message map[string]any) {
	t.Helper()
	message["jsonrpc"] = "2.0"
	data, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(data), data); err != nil {
		t.Fatal(err)
	}
}

// tell sends a notification, which has no answer.
func (s *languageServer) tell(t *testing.T, method string, params any) {
	t.Helper()
	s.send(t, map[string]any{"method": method, "params": params})
}

// ask sends a request and gives its result.
func (s *languageServer) ask(t *testing.T, method string, params any) json.RawMessage {
	t.Helper()
	s.serial++
	s.send(t, map[string]any{"id": s.serial, "method": method, "params": params})
	for {
		header, err := textproto.NewReader(s.out).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%s: the server is gone, or took more than a minute: %v", method, err)
		}
		length, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(s.out, data); err != nil {
			t.Fatal(err)
		}
		var message struct {
			ID     json.RawMessage
			Method string
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(data, &message); err != nil {
			t.Fatal(err)
		}
		switch {
		case message.Method != "" && message.ID != nil:
			// The server's own requests, such as for settings: there are none.
			s.send(t, map[string]any{"id": message.ID, "result": nil})
		case message.Method == "" && string(message.ID) == strconv.Itoa(s.serial):
			if message.Error != nil {
				t.Fatalf("%s: %s", method, message.Error)
			}
			return message.Result
		}
	}
}
