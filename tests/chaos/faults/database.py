"""The database dies, stands still, loses a trigger or is given much to do."""

from stack.server import away, frozen
from tests.chaos.faults.base import Scene, fault


@fault("database killed")
def killed(scene: Scene) -> None:
    """It recovers what was committed."""
    with away(scene.system.database):
        scene.while_broken()


@fault("database frozen")
def stands_still(scene: Scene) -> None:
    """It takes connections and answers nothing."""
    with frozen(scene.system.database):
        scene.while_broken()


@fault("trigger dropped")
def trigger_dropped(scene: Scene) -> None:
    """Changes leave no trace in the outbox, until the triggers are made again."""
    trigger = scene.random.choice(["bans_inserted_v1", "bans_updated_v1", "renditions_updated_v1"])
    with scene.system.database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}")
    try:
        scene.while_broken()
    finally:
        scene.system.purger.run("migrate").check_returncode()


# A second more for each 30,000 that are committed together, and all three may wait for each other.
@fault("bulk of bans", loosens=False, extra=2.0)
def bulk(scene: Scene) -> None:
    """Three times 20,000 bans of other images, each committed together."""
    with scene.system.database.connect("moderation") as connection, connection.cursor() as cursor:
        for _ in range(3):
            connection.start_transaction()
            for _ in range(10):
                rows = ", ".join(f"('image', 'bulk-{scene.random.randrange(10**12)}')" for _ in range(2000))
                cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
            connection.commit()
            scene.pause(0.5, 2)
