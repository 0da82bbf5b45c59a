package io.dtm4j.coordinator;

import java.util.List;

/** The deliberate defects, each of which the simulation must find. */
final class Mutations {
  private Mutations() {}

  static final List<Mutation> ALL =
      List.of(
          Mutation.of("R1, R3: a call leaves before its commit")
              .coordinator(
                  "Coordinator.java",
                  "    live.committingSince = nanoTime.getAsLong() | 1;\n",
                  """
                      live.committingSince = nanoTime.getAsLong() | 1;
                      decision.calls().forEach(call -> departures.send(live, call));
                  """)
              .coordinator(
                  "Coordinator.java", "if (!ranAhead) {", "if (decision.writes().isEmpty()) {")
              .coordinator(
                  "Coordinator.java",
                  "if (decision.ahead() && ",
                  "if (decision.writes().isEmpty() && "),
          Mutation.of("R1: a client is answered before the commit")
              .coordinator(
                  "Runs.java",
                  "committer.commit(batch, loop, result -> committed(batch, runs, since, result));",
                  """
                  if (waits == Waits.NEVER) {
                    answer(Reply.Success.INSTANCE);
                  }
                  committer.commit(batch, loop, result -> committed(batch, runs, since, result));
                  """),
          Mutation.of("R2: what is decided is forgotten at a restart")
              .coordinator(
                  "Coordinator.java",
                  "pass = Pass.begin(transaction, clock.instant());",
                  """
                  pass = Pass.begin(transaction, clock.instant());
                  if (origin == LivePass.Origin.RECOVERY
                      && transaction.status() == GlobalStatus.ABORTING) {
                    var old = transaction.state();
                    pass =
                        Pass.begin(
                            new Transaction(
                                transaction.gid(),
                                transaction.definition(),
                                new io.dtm4j.model.State(
                                    GlobalStatus.SUBMITTED,
                                    old.reason(),
                                    old.result(),
                                    old.updateTime(),
                                    null,
                                    old.schedule(),
                                    old.extra()),
                                transaction.branches()),
                            clock.instant());
                  }
                  """),
          Mutation.of("R2: the decision of a workflow is only checked at the door")
              .engine(
                  "Commands.java",
                  "Guard.InStatus.as(transaction, contrary)",
                  "Guard.InStatus.as(transaction)"),
          Mutation.of("R3: an action does not wait for those before it")
              .engine(
                  "SagaRules.java",
                  "if (!draft.branch(actionOf(predecessor)).isDone()) {",
                  "if (draft.branch(actionOf(predecessor)).status() == BranchStatus.FAILED) {"),
          Mutation.of("R3: a call runs ahead by two")
              .engine(
                  "Draft.java",
                  "return writes.size() == 1\n",
                  "return !writes.isEmpty() && writes.size() <= 2\n")
              .engine("Decision.java", "|| writes.size() != 1", "|| writes.size() > 2"),
          Mutation.of("R3: a repeat runs ahead of its count")
              .engine(
                  "Draft.java",
                  "ending == null && isOneSuccess()",
                  "ending == null && writes.size() == 1"),
          Mutation.of("running ahead: the mark is forgotten at a take-over")
              .model(
                  "Batch.java",
                  "if (takesFromAHolder()) {",
                  "if (before == null && takesFromAHolder()) {"),
          Mutation.of("running ahead: the mark is forgotten when an embedded store is opened")
              .store("MemoryStore.java", "stored.abandoned(now)", "stored.released(now)"),
          Mutation.of("running ahead: the mark is taken off at rest")
              .engine(
                  "Draft.java",
                  "if (ending == Ending.RESTING && due != null) {",
                  """
                  if (ending == Ending.RESTING) {
                    keep(extra.withDirty(false));
                  }
                  if (ending == Ending.RESTING && due != null) {"""),
          Mutation.of("running ahead: a stop gives back what is ahead of a batch")
              .coordinator(
                  "Coordinator.java",
                  "      if (!live.isAhead) {\n        givenBack",
                  "      if (live.ended) {\n        givenBack"),
          Mutation.of("running ahead: a rollback compensates only what was runnable")
              .engine(
                  "SagaRules.java",
                  "if (!draft.extra().dirty() || ",
                  "if (draft.extra().dirty() || "),
          Mutation.of("running ahead: what stands behind a refused action cannot have run")
              .engine(
                  "SagaRules.java",
                  "      if (!wasCallable(draft, predecessor)) {",
                  """
                        if (!wasCallable(draft, predecessor)
                            || draft.branch(actionOf(predecessor)).status() == BranchStatus.FAILED) {"""),
          Mutation.of("running ahead: a concurrent saga does, too")
              .engine(
                  "SagaRules.java", "if (draft.plan().isSequential()) {", "if (draft != null) {"),
          Mutation.of("a saga rests for an hour whatever its interval")
              .engine(
                  "SagaRules.java",
                  "draft.restForRetry(timeout);",
                  "draft.rest(draft.now().plus(RetryPolicy.LONGEST));"),
          Mutation.of("R3a: two answers are decided on one state")
              .coordinator(
                  "Coordinator.java",
                  "if (live.isCommitting()) {\n      live.waiting",
                  "if (live.isCommitting() && event == Event.Woken.INSTANCE) {\n      live.waiting"),
          Mutation.of("R4: the owner is not checked")
              .model(
                  "Batch.java",
                  "status == held.status() && stored.owner().isSameWriteAs(held.owner());",
                  "status == held.status();"),
          Mutation.of("R4: a pass goes on under the claim by which it was superseded")
              .coordinator(
                  "Coordinator.java",
                  "        log.atDebug().addKeyValue(\"gid\", live.gid).log(\"pass superseded\");\n",
                  """
                  if (lost.stored() != null && !lost.stored().transaction().status().isFinal()) {
                    live.owner = lost.stored().owner();
                    beginAnew(live, lost.stored());
                    return;
                  }
                  """),
          Mutation.of("R4: word of a command comes too late for a pass that is to begin")
              .coordinator("Coordinator.java", "    upcoming.overtake(stored);\n", ""),
          Mutation.of("R4: a repeat takes a lease that lasts")
              .coordinator(
                  "Runs.java",
                  "} else if (!stored.owner().isHeld()) {",
                  "} else if (!stored.transaction().status().isFinal()) {"),
          Mutation.of("R4: a look-again is forgotten when a pass comes to rest")
              .model(
                  "Batch.java",
                  "} else if (!present().status().isFinal()) {",
                  "} else if (newOwner.revision() < 0) {"),
          Mutation.of("R4: a look-again is lost in the next batch of the pass")
              .model(
                  "Batch.java",
                  "owner = newOwner.marked(Owner.Mark.LOOK_AGAIN);",
                  "owner = newOwner;"),
          Mutation.of("R4a: a pass works on rows that were read before the commit")
              .coordinator(
                  "Coordinator.java",
                  "Pass.begin(stored.transaction(), clock.instant())",
                  "Pass.begin(live.pass.transaction(), clock.instant())"),
          Mutation.of("R4a: a TCC ends in the batch that leaves prepared")
              .engine(
                  "TwoPhaseRules.java",
                  "draft.beginAnew();",
                  """
                  if (draft.rows() == 0) {
                    draft.changeStatus(GlobalStatus.FAILED, null);
                  } else {
                    draft.beginAnew();
                  }
                  """),
          Mutation.of("R5: a final transaction is tried again")
              .model("Batch.java", "!status.isFinal()\n              && ", "")
              .store(
                  "MemoryStore.java",
                  ".filter(stored -> !stored.transaction().status().isFinal())\n        .map(Due::of)",
                  ".map(Due::of)"),
          Mutation.of("R6: a revision is used twice")
              .model(
                  "Owner.java",
                  "return new Owner(newMark, server, claim, revision + 1);",
                  "return new Owner(newMark, server, claim, Math.max(2, revision));"),
          Mutation.of("R6: what is read after a write of unknown outcome is trusted")
              .world(
                  "VirtualCommitter.java",
                  "process.after(failsAfter, () -> ended(null));",
                  """
                  process.after(failsAfter, () -> ended(reRead(next)));
                }
              }

              private LaneWork.@Nullable Outcome reRead(LaneWork.Try what) {
                java.lang.reflect.InvocationHandler finds =
                    (_, method, arguments) -> {
                      if (!method.getName().equals("commit")) {
                        throw new OutcomeUnknownException("not read", null);
                      }
                      List<CommitResult> results = new java.util.ArrayList<>();
                      for (Object one : (List<?>) arguments[0]) {
                        Batch batch = (Batch) one;
                        io.dtm4j.model.Stored stored = store.find(batch.gid()).orElse(null);
                        boolean ours =
                            stored != null
                                && batch.owner() != null
                                && stored.owner().isSameWriteAs(batch.owner());
                        results.add(
                            ours
                                ? new CommitResult.Committed(stored)
                                : new CommitResult.Lost(stored));
                      }
                      return results;
                    };
                try {
                  return what.on(
                      (TransactionStore)
                          java.lang.reflect.Proxy.newProxyInstance(
                              TransactionStore.class.getClassLoader(),
                              new Class<?>[] {TransactionStore.class},
                              finds));
                } catch (OutcomeUnknownException e) {
                  return null;
                }
              }

              private void unused() {
                if (busy) {""")
              .coordinator(
                  "Coordinator.java",
                  "committer.commit(batch, live.loop, result -> committed(live, decision, next, result));",
                  """
                  committer.commit(
                      batch,
                      live.loop,
                      result -> {
                        if (!live.ended
                            && result instanceof CommitResult.Lost lost
                            && lost.stored() != null
                            && lost.stored().owner().isSameWriteAs(live.owner)) {
                          live.committingSince = 0;
                          List<Event> again = new java.util.ArrayList<>(events);
                          again.addAll(live.waiting);
                          live.waiting.clear();
                          apply(live, again);
                        } else {
                          committed(live, decision, next, result);
                        }
                      });
                  """),
          Mutation.of("R6: what a log replays is believed before it is flushed")
              .world("Disk.java", "    flush();\n", ""),
          Mutation.of("R6: an unknown outcome counts as a failure")
              .world(
                  "VirtualCommitter.java",
                  "process.after(failsAfter, () -> ended(null));",
                  """
                  process.after(
                      failsAfter,
                      () ->
                          ended(
                              next.toString().startsWith("Group")
                                  ? new LaneWork.Outcome.Rejected(
                                      new io.dtm4j.store.StoreRejectedException(
                                          "unknown", new IllegalStateException()))
                                  : null));
                  """),
          Mutation.of("R6: all of a group is rejected for what is broken in it")
              .store(
                  "LaneWork.java",
                  "    if (group.size() == 1) {\n",
                  """
                      if (group.size() > 1) {
                        group.forEach(job -> divide(List.of(job), cause));
                      } else if (group.size() == 1) {
                  """),
          Mutation.of("R6: the results of a group are told to the wrong ones")
              .store("LaneWork.java", "results.get(i)", "results.get(results.size() - 1 - i)"),
          Mutation.of("R7: leases are not renewed")
              .coordinator(
                  "Keeper.java",
                  "live.leaseEnd - now < live.lease.toNanos() * 2 / 3",
                  "live.committingSince < 0 && now < 0"),
          Mutation.of("R7: a call leaves when its lease is over")
              .coordinator(
                  "Departures.java",
                  "return live.leaseEnd - nanoTime.getAsLong() < LEASE_NEEDED.toNanos();",
                  "return live.ended;"),
          Mutation.of("R7: a lease is counted from the answer to its renewal")
              .coordinator(
                  "Keeper.java",
                  "coordinator.renewed(live, sentAt + live.lease",
                  "coordinator.renewed(live, nanoTime.getAsLong() + live.lease"),
          Mutation.of("R7: a lease is counted from the answer to its claim")
              .coordinator(
                  "Recovery.java",
                  "long leaseEnd = sentAt + lease",
                  "long leaseEnd = nanoTime.getAsLong() + lease"),
          Mutation.of("R7: a lease is counted from the answer to its first write")
              .coordinator(
                  "Runs.java", "since + engine.leaseOf", "nanoTime.getAsLong() + engine.leaseOf"),
          Mutation.of("R7: a late renewal moves a lease back")
              .coordinator(
                  "Keeper.java",
                  "store.renew(leasesOf(passes), lease)",
                  "store.renew(leasesOf(passes), lease.minusNanos(nanoTime.getAsLong() - sentAt))")
              .store(
                  "MemoryStore.java", ".nextTime().isBefore(until)) {", ".nextTime() != until) {"),
          Mutation.of("R7: a pass whose call never comes to its end is kept")
              .coordinator(
                  "Keeper.java",
                  "coordinator.drop(live, \"a call did not come to its end\", null);",
                  "ask(live);"),
          Mutation.of("R7: a pass that was superseded keeps its client waiting")
              .coordinator(
                  "Coordinator.java",
                  "end(live, Waiter.replyOf(lost.stored()));",
                  "live.ended = true;"),
          Mutation.of("a saga: the action in flight is not compensated")
              .engine(
                  "SagaRules.java",
                  "!draft.branch(actionOf(step)).isOpen() || isRunnable(draft, step)",
                  "!draft.branch(actionOf(step)).isOpen()"),
          Mutation.of("a saga: an action is called although it is aborting")
              .engine(
                  "SagaRules.java",
                  "return !isAction(row) || status == GlobalStatus.SUBMITTED;",
                  "return true;"),
          Mutation.of("a saga: compensates an action whose call is in flight")
              .engine("SagaRules.java", "            && !draft.isInFlight(actionOf(step))\n", ""),
          Mutation.of("a saga: compensations go in any order")
              .engine(
                  "SagaRules.java",
                  "if (required[dependent] && ",
                  "if (required[dependent] && step < 0 && "),
          Mutation.of("a saga: never times out")
              .engine(
                  "SagaRules.java",
                  "return timeout != null && !draft.now().isBefore(timeout);",
                  "return false;"),
          Mutation.of("a saga: its retry limit is not looked at")
              .engine("SagaRules.java", "if (used < limit) {", "if (used >= 0) {"),
          Mutation.of("a saga: times out at half its time")
              .engine(
                  "SagaRules.java",
                  "createTime().plusSeconds(seconds)",
                  "createTime().plusSeconds(seconds / 2)"),
          Mutation.of("a saga: gives up one repeat early")
              .engine("SagaRules.java", "if (used < limit) {", "if (used + 1 < limit) {"),
          Mutation.of("a saga: its repeats are not counted")
              .engine(
                  "SagaRules.java",
                  "draft.keep(draft.extra().withRetryCount(used + 1));",
                  "draft.keep(draft.extra().withRetryCount(used));"),
          Mutation.of("a saga: rests beyond its time")
              .engine(
                  "SagaRules.java", "draft.restForRetry(timeout);", "draft.restForRetry(null);"),
          Mutation.of("a stop gives back what has a call in flight")
              .coordinator(
                  "Coordinator.java", "boolean idle = live.calls == 0 && ", "boolean idle = "),
          Mutation.of("a TCC: times out at half its time")
              .engine(
                  "TwoPhaseRules.java",
                  "createTime().plus(timeout)",
                  "createTime().plus(timeout.dividedBy(2))"),
          Mutation.of("a repeat does not wait")
              .engine("Draft.java", "Instant next = now.plus(interval);", "Instant next = now;"),
          Mutation.of("a workflow is resumed at half its interval")
              .engine(
                  "Draft.java",
                  "rest(now.plus(interval));",
                  "rest(now.plus(interval.dividedBy(2)));"),
          Mutation.of("a TCC: confirms in the wrong order")
              .engine(
                  "TwoPhaseRules.java",
                  "new TwoPhaseRules(Op.CONFIRM, Op.CANCEL, true)",
                  "new TwoPhaseRules(Op.CONFIRM, Op.CANCEL, false)"),
          Mutation.of("a branch gets the payload of another one")
              .engine(
                  "Draft.java",
                  "call(row, branch.key(), branch.url(), branch.payload());",
                  "call(row, branch.key(), branch.url(), branch(rows() - 1).payload());"),
          Mutation.of("a clock that is set is followed at once")
              .store(
                  "StoreClock.java",
                  "Math.clamp(ahead, -passed / SLOWLY, passed / SLOWLY)",
                  "ahead"),
          Mutation.of("a clock begins behind what was made due by it")
              .world(
                  "SharedStore.java",
                  "    newest = storeTime();\n",
                  """
                      Instant updated = now.transaction().state().updateTime();
                      newest = newest.isBefore(updated) ? updated : newest;
                  """),
          Mutation.of("a message: is delivered before its delay is over")
              .engine(
                  "MsgRules.java",
                  "delayUntil != null && draft.now().isBefore(delayUntil)",
                  "delayUntil != null && draft.now().plusSeconds(1).isBefore(delayUntil)"),
          Mutation.of("a message: is checked back at once")
              .engine("MsgRules.java", "if (draft.now().isBefore(due)) {", "if (due == null) {"),
          Mutation.of("a message: a refused check-back is taken for a success")
              .engine(
                  "MsgRules.java",
                  "case BranchAnswer.Failure _ -> draft.changeStatus(GlobalStatus.FAILED, null);",
                  "case BranchAnswer.Failure _ -> submit(draft);"),
          Mutation.of("an abort that came too late is a success")
              .engine(
                  "Commands.java",
                  "case SUBMITTED, SUCCEED, FAILED -> conflict(stored, \"abort\");",
                  "case SUBMITTED, SUCCEED, FAILED -> new Verdict.Answer(Reply.Success.INSTANCE);"),
          Mutation.of("a branch is registered after the decision")
              .engine(
                  "Commands.java",
                  "if (transaction.status() != GlobalStatus.PREPARED) {",
                  "if (transaction.status().isFinal()) {"),
          Mutation.of("a call that waited for a connection leaves though its pass has ended")
              .coordinator(
                  "Departures.java",
                  "return !live.ended\n          && !live.superseded\n          && !isLeaseShort",
                  "return !isLeaseShort"),
          Mutation.of("a database: a claim takes what another transaction has locked")
              .world(
                  "SharedWrites.java",
                  "      if (write.gids().stream().anyMatch(locked::containsKey)) {",
                  """
                        if (!(write instanceof Claim)
                            && write.gids().stream().anyMatch(locked::containsKey)) {""")
              .world("SharedWrites.java", "claim.leaveOut(locked.keySet());", ""),
          Mutation.of("a database: a claim does not look whether a record still is as it was read")
              .world(
                  "SharedWrites.java",
                  ".filter(taking -> isAsRead(taking))",
                  ".filter(taking -> store.find(taking.gid()).isPresent())"),
          Mutation.of("a database: what is locked stays so when its server dies")
              .world("SharedWrites.java", "() -> end(write, false)", "() -> {}"),
          Mutation.of("no transactions: a claim is written whatever the record has become")
              .world(
                  "SharedWrites.java",
                  "store.claim(taking)",
                  """
                  store.claim(
                      new Batch(
                          taking.gid(), Guard.Known.INSTANCE, taking.owner(), taking.writes()))"""),
          Mutation.of("no transactions: what one part has come to counts for the whole group")
              .world(
                  "SharedWrites.java",
                  "process.after(leg().plus(leg()), () -> ended.accept(null));",
                  "process.after(leg().plus(leg()), () -> ended.accept(partly()));")
              .world(
                  "SharedWrites.java",
                  "    /** To the store, or back. */\n",
                  """
                      LaneWork.@Nullable Outcome partly() {
                        if (fault == Fault.BEFORE_EFFECT
                            || !(dialogue.newest() instanceof Group group)
                            || group.rejection != null
                            || Arrays.stream(group.results).noneMatch(one -> one != null)) {
                          return null;
                        }
                        for (int i = 0; i < group.results.length; i++) {
                          Batch batch = group.batches.get(i);
                          Stored before = store.find(batch.gid()).orElse(null);
                          if (group.results[i] == null) {
                            group.results[i] =
                                batch.applyTo(before) instanceof Batch.Applied.Changed changed
                                    ? new CommitResult.Committed(changed.stored())
                                    : new CommitResult.Lost(before);
                          }
                        }
                        return dialogue.goOn(what);
                      }

                  """),
          Mutation.of("totals only: a write that has not found its record counts as done")
              .world(
                  "SharedWrites.java",
                  "                : result;",
                  """
                                  : result instanceof CommitResult.Lost
                                          && kind.tellsLittle()
                                          && now.get(i).guard() instanceof Guard.HeldBy
                                      ? new CommitResult.Committed(null)
                                      : result;"""),
          Mutation.of("totals only: a pass goes by the record that an answer need not tell")
              .coordinator(
                  "Coordinator.java",
                  "        live.owner = next;\n",
                  """
                          if (committed.stored() != null) {
                            live.owner = next;
                          }
                  """),
          Mutation.of("the safety net: is thrown only once")
              .coordinator(
                  "Recovery.java", "      timers.after(safetyNet, this::sweepAndRepeat);\n", ""));
}
