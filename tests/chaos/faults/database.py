"""Kill or freeze the database, drop a trigger, or commit a bulk of bans."""

from stack.processes.server import away, frozen
from tests.chaos.faults.base import Scene, fault


@fault("database killed")
def killed(scene: Scene) -> None:
    """Kill it; it recovers all commits at its start."""
    with away(scene.system.database):
        scene.while_broken()


@fault("database frozen")
def stands_still(scene: Scene) -> None:
    """Freeze it: it accepts connections and answers nothing."""
    with frozen(scene.system.database):
        scene.while_broken()


@fault("trigger dropped")
def trigger_dropped(scene: Scene) -> None:
    """Drop a trigger, so that changes do not reach the outbox, and make it again."""
    trigger = scene.random.choice(["bans_inserted", "bans_updated", "renditions_updated"])
    with scene.system.database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}")
    try:
        scene.while_broken()
    finally:
        scene.system.purger.run("migrate").check_returncode()


# A takedown takes a second longer for each 30,000 bans of one commit, and all three commits may wait for each other.
@fault("bulk of bans", loosens=False, extra=2.0)
def bulk(scene: Scene) -> None:
    """Ban 20,000 other images in one transaction, three times."""
    with scene.system.database.connect("moderation") as connection, connection.cursor() as cursor:
        for _ in range(3):
            connection.start_transaction()
            for _ in range(10):
                rows = ", ".join(f"('image', 'bulk-{scene.random.randrange(10**12)}')" for _ in range(2000))
                cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
            connection.commit()
            scene.pause(0.5, 2)
