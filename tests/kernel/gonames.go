// SPDX-License-Identifier: MIT

// Go's own resolver, which asks the servers of /etc/resolv.conf by itself.
//
//	gonames udp|tcp NAME    its IPv4 addresses; tcp: asked over TCP from the start
//	gonames get HOST:PORT   the page there
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func addresses(protocol, name string) error {
	resolver := net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, server string) (net.Conn, error) {
			if protocol == "tcp" {
				network = "tcp"
			}
			return new(net.Dialer).DialContext(ctx, network, server)
		},
	}
	found, err := resolver.LookupIP(context.Background(), "ip4", name)
	fmt.Println(len(found), found)
	return err
}

func get(peer string) error {
	conn, err := net.DialTimeout("tcp", peer, 20*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, "GET /page HTTP/1.0\r\n\r\n"); err == nil {
		_, err = io.Copy(os.Stdout, conn)
	}
	return err
}

func main() {
	var err error
	if os.Args[1] == "get" {
		err = get(os.Args[2])
	} else {
		err = addresses(os.Args[1], os.Args[2])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
