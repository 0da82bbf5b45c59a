package io.dtm4j.store.mongodb;

class RealMongoStoreTest extends SharedStoreTest {
  @Override
  MongoStoreConfig newDatabase() {
    return RealServer.newDatabase();
  }
}
