// Command exec-server is the face that the sandbox's kubelet shows to a real API server.
//
// It listens with TLS, speaks to who has a certificate of the cluster's authority, and serves
//
//	GET, POST /exec/{namespace}/{pod}/{container}?command=…&input=1&output=1&error=1
//
// over SPDY and websockets by the library that container runtimes use. The command itself is run by the Python
// kubelet, which listens on a Unix socket: a plain GET of the same path there asks whether it can be run (204), and a
// websocket of the same path runs it. A message is a byte and its payload: 0 stdin, 1 stdout, 2 stderr, 3 the outcome
// as a Status; 255 and 0 end stdin. Every other path is passed on to that socket as it is.
//
// The server ends when its stdin does, and so with its parent.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/utils/exec"
)

const (
	stdin, stdout, stderr, outcome, closing = 0, 1, 2, 3, 255

	idle  = 4 * time.Hour // what container runtimes have
	chunk = 32 << 10
)

func main() {
	listen := flag.String("listen", "", "address and port")
	certificate := flag.String("certificate", "", "file of the server's certificate")
	key := flag.String("key", "", "file of its key")
	authority := flag.String("authority", "", "file of the authority that signs clients' certificates")
	socket := flag.String("socket", "", "the kubelet's Unix socket")
	flag.Parse()

	pem, err := os.ReadFile(*authority)
	if err != nil {
		log.Fatal(err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(pem) {
		log.Fatalf("no certificate in %s", *authority)
	}
	server := http.Server{
		Addr:              *listen,
		Handler:           handler(*socket),
		TLSConfig:         &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients},
		ReadHeaderTimeout: time.Minute,
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(server.ListenAndServeTLS(*certificate, *key))
}

// kubelet is the Python kubelet behind its socket.
type kubelet struct {
	client http.Client
	dialer websocket.Dialer
}

func handler(socket string) http.Handler {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial}
	behind := &kubelet{
		client: http.Client{Transport: transport},
		dialer: websocket.Dialer{NetDialContext: dial, Subprotocols: []string{remotecommand.StreamProtocolV5Name}},
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(&url.URL{Scheme: "http", Host: "kubelet"})
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", behind.exec)
	mux.Handle("/", proxy)
	return mux
}

func (k *kubelet) exec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := k.client.Get("http://kubelet" + r.URL.RequestURI())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	message, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		http.Error(w, string(message), answer.StatusCode)
		return
	}
	command := &command{kubelet: k, url: "ws://kubelet" + r.URL.RequestURI(), options: options}
	remotecommand.ServeExec(w, r, command, r.PathValue("pod"), "", r.PathValue("container"), r.URL.Query()["command"],
		options, idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

// command is one command that the kubelet runs.
type command struct {
	kubelet *kubelet
	url     string
	options *remotecommand.Options
}

// ExecInContainer copies the streams until the kubelet tells the outcome. A client that leaves ends the copying, not
// the command. There are no terminals: tty and its sizes mean nothing here.
func (c *command) ExecInContainer(
	ctx context.Context, _, _, _ string, _ []string, in io.Reader, output, complaints io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	connection, _, err := c.kubelet.dialer.DialContext(ctx, c.url, nil)
	if err != nil {
		return err
	}
	defer connection.Close()
	if c.options.Stdin {
		go send(connection, in)
	}
	for {
		_, message, err := connection.ReadMessage()
		if err != nil || len(message) == 0 {
			return fmt.Errorf("the kubelet told no outcome: %w", err)
		}
		switch payload := message[1:]; message[0] {
		case stdout:
			_, err = output.Write(payload)
		case stderr:
			_, err = complaints.Write(payload)
		case outcome:
			return result(payload)
		}
		if err != nil {
			return err
		}
	}
}

// send passes on stdin and its end.
func send(connection *websocket.Conn, in io.Reader) {
	buffer := make([]byte, 1+chunk)
	buffer[0] = stdin
	for {
		count, err := in.Read(buffer[1:])
		if count > 0 && connection.WriteMessage(websocket.BinaryMessage, buffer[:1+count]) != nil {
			return
		}
		if err != nil {
			_ = connection.WriteMessage(websocket.BinaryMessage, []byte{closing, stdin})
			return
		}
	}
}

// result is nil for success, an exit code, or why there is none.
func result(payload []byte) error {
	var status struct {
		Status, Message string
		Details         struct {
			Causes []struct{ Reason, Message string }
		}
	}
	if err := json.Unmarshal(payload, &status); err != nil {
		return err
	}
	if status.Status == "Success" {
		return nil
	}
	for _, cause := range status.Details.Causes {
		if code, err := strconv.Atoi(cause.Message); cause.Reason == remotecommand.ExitCodeCauseType && err == nil {
			return exec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
		}
	}
	return errors.New(status.Message)
}
