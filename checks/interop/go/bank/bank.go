// Package bank is what the client library is tried with: accounts in MariaDB and Redis, and the services that move money
// between them, over HTTP and over gRPC, each guarded by a barrier of the client library.
package bank

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/logger"
	"github.com/go-redis/redis/v8"
	_ "github.com/go-sql-driver/mysql" // the driver that DBConf names
)

var (
	// HTTP and GRPC are the addresses of dtm4j as the client library takes them.
	HTTP = os.Getenv("DTM_HTTP")
	GRPC = os.Getenv("DTM_GRPC")

	// DBConf is what an XA branch opens its own connection with.
	DBConf = dtmcli.DBConf{Driver: "mysql", Host: "127.0.0.1", Port: port("MARIADB_PORT"), User: "bank", Password: "bank", Db: "bank"}

	// DB and Redis hold the accounts.
	DB    = open()
	Redis = redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port("REDIS_PORT"))})

	accounts atomic.Int64
)

func init() {
	logger.InitLog("fatal") // the tests say what matters
}

func port(name string) int64 {
	n, err := strconv.ParseInt(os.Getenv(name), 10, 64)
	if err != nil {
		panic(name + " is not set: run.mjs starts the servers and sets it")
	}
	return n
}

func open() *sql.DB {
	db, err := sql.Open("mysql", fmt.Sprintf("bank:bank@tcp(127.0.0.1:%d)/bank", DBConf.Port))
	if err != nil {
		panic(err)
	}
	return db
}

func newID() string {
	return fmt.Sprintf("%d-%d", time.Now().UnixNano(), accounts.Add(1))
}

// Account opens an account in MariaDB.
func Account(t *testing.T, balance int) string {
	t.Helper()
	id := newID()
	if _, err := DB.Exec("insert into account(id, balance) values(?, ?)", id, balance); err != nil {
		t.Fatal(err)
	}
	return id
}

// Balances asserts what is on accounts in MariaDB, each with nothing reserved.
func Balances(t *testing.T, want map[string]int) {
	t.Helper()
	for id, balance := range want {
		var got, trading int
		if err := DB.QueryRow("select balance, trading from account where id=?", id).Scan(&got, &trading); err != nil {
			t.Fatal(err)
		}
		if got != balance || trading != 0 {
			t.Errorf("account %s: balance %d and %d reserved, expected %d and nothing", id, got, trading, balance)
		}
	}
}

// RedisAccount opens an account in Redis.
func RedisAccount(t *testing.T, balance int) string {
	t.Helper()
	id := newID()
	if err := Redis.Set(context.Background(), id, balance, 0).Err(); err != nil {
		t.Fatal(err)
	}
	return id
}

// RedisBalances asserts what is on accounts in Redis.
func RedisBalances(t *testing.T, want map[string]int) {
	t.Helper()
	for id, balance := range want {
		if got, err := Redis.Get(context.Background(), id).Int(); err != nil || got != balance {
			t.Errorf("account %s: balance %d (%v), expected %d", id, got, err, balance)
		}
	}
}

// Add puts an amount on an account, or takes it when it is negative. It refuses what would overdraw the account.
func Add(db dtmcli.DB, account string, amount int) error {
	return one(db, "update account set balance=balance+? where id=? and balance+?>=0", amount, account, amount)
}

// Reserve notes an amount that Confirm adds to the balance and a second, negated Reserve forgets.
func Reserve(db dtmcli.DB, account string, amount int) error {
	return one(db, "update account set trading=trading+? where id=? and balance+trading+?>=0", amount, account, amount)
}

// Confirm makes a reserved amount part of the balance.
func Confirm(db dtmcli.DB, account string, amount int) error {
	return one(db, "update account set balance=balance+?, trading=trading-? where id=?", amount, amount, account)
}

func one(db dtmcli.DB, statement string, values ...interface{}) error {
	result, err := db.Exec(statement, values...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fmt.Errorf("not enough money. %w", dtmcli.ErrFailure)
}
